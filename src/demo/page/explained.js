// One sentence for each kind of message.

/** @type {Record<string, string>} */
const MESSAGES = {
  CLIENT_HELLO: 'The client says which version and which DC file it has: with others it is turned away.',
  CLIENT_HELLO_RESP: 'Version and DC file are right. The session has begun, but may only speak to UberDOGs that anybody may speak to.',
  CLIENT_DISCONNECT: 'The client says goodbye.',
  CLIENT_EJECT: 'The server ends the session, and says why.',
  CLIENT_HEARTBEAT: 'The client lives. Who says nothing for too long is ejected.',
  CLIENT_OBJECT_SET_FIELD: 'An update of a field. From a client only fields that are clsend, or ownsend on its own objects.',
  CLIENT_OBJECT_SET_FIELDS: 'Several fields of an object at once.',
  CLIENT_OBJECT_LEAVING: 'The object is in none of the client\'s interests any more, or has been deleted.',
  CLIENT_OBJECT_LOCATION: 'The object is in another zone now, and still known to the client.',
  CLIENT_ENTER_OBJECT_REQUIRED: 'An object comes into sight, with the values of its required fields.',
  CLIENT_ENTER_OBJECT_REQUIRED_OTHER: 'An object comes into sight, with its required and other fields.',
  CLIENT_OBJECT_LEAVING_OWNER: 'The object is not the client\'s own any more.',
  CLIENT_ENTER_OBJECT_REQUIRED_OWNER: 'The client owns this object from now on, and may send its ownsend fields.',
  CLIENT_ENTER_OBJECT_REQUIRED_OTHER_OWNER: 'The client owns this object from now on, and may send its ownsend fields.',
  CLIENT_ADD_INTEREST: 'An interest is opened: the client wants to see what is in this zone.',
  CLIENT_ADD_INTEREST_MULTIPLE: 'An interest is opened: the client wants to see what is in these zones.',
  CLIENT_REMOVE_INTEREST: 'An interest is closed: what is in no other one leaves.',
  CLIENT_DONE_INTEREST_RESP: 'Everything that is in the interest has entered, or has left.',
  STATESERVER_CREATE_OBJECT_WITH_REQUIRED: 'An AI makes an object: the state server keeps it, and tells those who see its zone.',
  STATESERVER_CREATE_OBJECT_WITH_REQUIRED_OTHER: 'An AI makes an object: the state server keeps it, and tells those who see its zone.',
  STATESERVER_OBJECT_SET_FIELD: 'An update: from a client by its agent, which has checked that it may send it, or from an AI. Broadcast fields go on to all who see the object.',
  STATESERVER_OBJECT_SET_FIELDS: 'Several fields of an object at once.',
  STATESERVER_OBJECT_SET_LOCATION: 'The AI moves an object to another zone or parent.',
  STATESERVER_OBJECT_CHANGING_LOCATION: 'The state server tells the zone before and the zone after that an object has moved.',
  STATESERVER_OBJECT_ENTER_LOCATION_WITH_REQUIRED: 'The state server tells all who see a zone that an object has come there.',
  STATESERVER_OBJECT_ENTER_LOCATION_WITH_REQUIRED_OTHER: 'The state server tells all who see a zone that an object has come there.',
  STATESERVER_OBJECT_ENTER_INTEREST_WITH_REQUIRED: 'The state server answers a new interest with an object that is there.',
  STATESERVER_OBJECT_ENTER_INTEREST_WITH_REQUIRED_OTHER: 'The state server answers a new interest with an object that is there.',
  STATESERVER_OBJECT_ENTER_OWNER_WITH_REQUIRED: 'The object has a new owner, who is told its fields.',
  STATESERVER_OBJECT_ENTER_OWNER_WITH_REQUIRED_OTHER: 'The object has a new owner, who is told its fields.',
  STATESERVER_OBJECT_GET_ZONES_OBJECTS: 'The client agent asks what is in the zones of a new interest.',
  STATESERVER_OBJECT_GET_ZONE_OBJECTS: 'The client agent asks what is in the zone of a new interest.',
  STATESERVER_OBJECT_GET_ZONE_COUNT_RESP: 'So many objects will enter. When all have come, the interest is done.',
  STATESERVER_OBJECT_GET_ZONES_COUNT_RESP: 'So many objects will enter. When all have come, the interest is done.',
  STATESERVER_OBJECT_GET_AI: 'The state server asks the new parent which AI manages what is in it.',
  STATESERVER_OBJECT_GET_AI_RESP: 'The parent answers which AI manages what is in it.',
  STATESERVER_OBJECT_LOCATION_ACK: 'The parent has taken note that the object is in it.',
  STATESERVER_OBJECT_SET_OWNER: 'The AI gives the object to a client.',
  STATESERVER_OBJECT_SET_AI: 'The object is managed by this AI.',
  STATESERVER_OBJECT_DELETE_RAM: 'The object is deleted.',
  CLIENTAGENT_SET_STATE: 'The UberDOG lets a client in: 2 is established.',
  CLIENTAGENT_SET_CLIENT_ID: 'The session speaks as this channel from now on, so that others know who speaks.',
  CLIENTAGENT_ADD_INTEREST: 'A server opens an interest for a client.',
  CLIENTAGENT_ADD_INTEREST_MULTIPLE: 'A server opens an interest for a client.',
  CLIENTAGENT_DONE_INTEREST_RESP: 'The client has been told all that is in the interest that a server has opened.',
  CLIENTAGENT_ADD_SESSION_OBJECT: 'The object goes with the session: when the player leaves, his avatar is deleted.',
  CLIENTAGENT_SEND_DATAGRAM: 'A datagram that the client agent hands to the client as it is.',
  CLIENTAGENT_OPEN_CHANNEL: 'The session listens to this channel, too.',
  CLIENTAGENT_EJECT: 'A server has a client ejected.',
  CLIENTAGENT_DROP: 'A server has a session ended without a word.',
  CLIENTAGENT_ADD_POST_REMOVE: 'What is sent when the session ends, however it ends.',
  MISSING: 'More was said than could be shown.',
};

/** And for the fields of this game. */
const FIELDS = {
  'Gate.guest': 'The UberDOG is asked to let a guest in.',
  'Gate.register': 'The UberDOG is asked for a new account.',
  'Gate.logIn': 'The UberDOG is given a name and a password, which is compared with the hash in the database.',
  'Gate.comeBack': 'A tab that was loaded again shows its ticket, and is the same player.',
  'Gate.welcome': 'The UberDOG lets the player in, and gives him a ticket.',
  'Gate.refused': 'The UberDOG says why it does not let the player in.',
  'Avatar.enter': 'The owner asks the AI to put his avatar into a District.',
  'Avatar.walk': 'The owner says where he walks. It goes to the AI alone, which decides whether that can be.',
  'Avatar.setXY': 'The AI says where an avatar is: everybody who sees it is told.',
  'Avatar.usePortal': 'The owner wants to go through a portal. The AI looks whether he stands before it.',
  'Avatar.say': 'An owner says something. It is broadcast, and kept nowhere.',
  'Avatar.emote': 'An owner shows a feeling. It is broadcast, and kept nowhere.',
  'Avatar.placeAt': 'The AI puts the owner here: he has arrived, or was not believed.',
  'Avatar.told': 'The AI tells the owner something.',
  'Critter.setXY': 'The AI moves an animal: everybody who sees it is told.',
  'District.setPopulation': 'The AI says how many are in a District.',
};

/** @param {{message: string, field?: string}} message */
export function explain({ message, field }) {
  const byField = /SET_FIELD$/.test(message) && field ? FIELDS[field] : undefined;
  if (byField) return byField;
  if (MESSAGES[message]) return MESSAGES[message];
  if (message.startsWith('DBSERVER_')) return 'The UberDOG and the database talk about an account.';
  if (message.startsWith('STATESERVER_')) return 'The state server and the game\'s servers talk about an object.';
  if (message.startsWith('CLIENTAGENT_')) return 'A server tells the client agent what to do with a session.';
  return 'A message of the cluster.';
}
