//! Messages of the cluster to a client's session.

use super::{Blob, List, Shape, messages};
use crate::ids::{Channel, ClassId, Context, DoId, FieldId, InterestId, Location, ZoneId};

messages! {
    /// A message for one client's session, or the session's answer.
    pub enum ClientAgent<'a> {
        /// Sets what the client may do: see [`super::ClientState`].
        1000 CLIENTAGENT_SET_STATE => SetState { state: u16 }
        /// Gives the client the channel that it sends from.
        1001 CLIENTAGENT_SET_CLIENT_ID => SetClientId { channel: Channel }
        /// Passes a client datagram on as it is.
        1002 CLIENTAGENT_SEND_DATAGRAM => SendDatagram { datagram: Blob<'a> as Shape::ClientDatagram }
        /// Ends the session and tells the client why.
        1004 CLIENTAGENT_EJECT => Eject { reason: u16, text: Blob<'a> }
        /// Ends the session without a word.
        1005 CLIENTAGENT_DROP => Drop {}
        /// Asks where the client connects from.
        1006 CLIENTAGENT_GET_NETWORK_ADDRESS => GetNetworkAddress { context: Context }
        /// Says where the client connects from, and to.
        1007 CLIENTAGENT_GET_NETWORK_ADDRESS_RESP => GetNetworkAddressResp { context: Context, remote_ip: Blob<'a>, remote_port: u16, local_ip: Blob<'a>, local_port: u16 }
        /// Lets the client send to an object that it does not see.
        1010 CLIENTAGENT_DECLARE_OBJECT => DeclareObject { do_id: DoId, class_id: ClassId }
        /// Takes a declaration back.
        1011 CLIENTAGENT_UNDECLARE_OBJECT => UndeclareObject { do_id: DoId }
        /// Ties an object to the session: each ends with the other.
        1012 CLIENTAGENT_ADD_SESSION_OBJECT => AddSessionObject { do_id: DoId }
        /// Unties an object from the session.
        1013 CLIENTAGENT_REMOVE_SESSION_OBJECT => RemoveSessionObject { do_id: DoId }
        /// Lets the client send these fields of an object, and no others beyond its rights.
        1014 CLIENTAGENT_SET_FIELDS_SENDABLE => SetFieldsSendable { do_id: DoId, fields: List<'a, FieldId> }
        /// Asks for the PROXY protocol's TLVs.
        1015 CLIENTAGENT_GET_TLVS => GetTlvs { context: Context }
        /// The PROXY protocol's TLVs, as they came.
        1016 CLIENTAGENT_GET_TLVS_RESP => GetTlvsResp { context: Context, tlvs: Blob<'a> }
        /// Subscribes the session to a channel.
        1100 CLIENTAGENT_OPEN_CHANNEL => OpenChannel { channel: Channel }
        /// Ends the session's subscription to a channel.
        1101 CLIENTAGENT_CLOSE_CHANNEL => CloseChannel { channel: Channel }
        /// Keeps a datagram that is routed when the session ends.
        1110 CLIENTAGENT_ADD_POST_REMOVE => AddPostRemove { datagram: Blob<'a> as Shape::Datagram }
        /// Forgets the session's post-removes.
        1111 CLIENTAGENT_CLEAR_POST_REMOVES => ClearPostRemoves {}
        /// Opens or alters an interest for the client.
        1200 CLIENTAGENT_ADD_INTEREST => AddInterest { interest: InterestId, location: Location }
        /// Opens or alters an interest in several zones for the client.
        1201 CLIENTAGENT_ADD_INTEREST_MULTIPLE => AddInterestMultiple { interest: InterestId, parent: DoId, zones: List<'a, ZoneId> }
        /// Closes an interest of the client.
        1203 CLIENTAGENT_REMOVE_INTEREST => RemoveInterest { interest: InterestId }
        /// Tells the caller that its interest operation is done.
        1204 CLIENTAGENT_DONE_INTEREST_RESP => DoneInterestResp { client: Channel, interest: InterestId }
        /// To the channel of a location: somebody has come there, and clients that have made objects there are to say what these
        /// are like. Not of Astron.
        1210 CLIENTAGENT_WANT_VALUES => WantValues { location: Location }
    }
}

/// How far a client has come: the values of CLIENTAGENT_SET_STATE.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub enum ClientState {
    /// 0: has not said hello.
    #[default]
    New,
    /// 1: may talk to anonymous UberDOGs.
    Anonymous,
    /// 2: may do all that its fields allow.
    Established,
}

impl TryFrom<u16> for ClientState {
    type Error = u16;

    fn try_from(state: u16) -> Result<Self, u16> {
        match state {
            0 => Ok(ClientState::New),
            1 => Ok(ClientState::Anonymous),
            2 => Ok(ClientState::Established),
            other => Err(other),
        }
    }
}
