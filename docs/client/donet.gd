class_name DonetClient
extends DonetView
## A client of donet: one connection to a client agent, by WebSocket, over as many sockets as it takes.
##
## Add it to the scene tree, connect its signals, and call [method open]. docs/client/README.md has an example.
## [codeblock]
## var world := DonetClient.new()
## add_child(world)
## world.welcomed.connect(_on_welcomed)
## world.open("ws://127.0.0.1:7196/", JSON.parse_string(FileAccess.get_file_as_string("res://dc.json")), "mygame 1")
## [/codeblock]

## The hello was answered: log in, and open interests. Once for each session, so again after each loss, unless it goes on.
signal welcomed()
## The server ends the session, and says why: docs/protocol/client-agent.md has the codes.
signal ejected(code, text)
## The connection is lost, and tried again in so many seconds. All objects have left before, unless it comes back to the session.
signal lost(code, reason, retry, comes_back)
## It is back in the session, and knows all again.
signal resumed()
## There is no such session any more: all objects have left before. A hello follows, and [signal welcomed].
signal resume_failed()
## It is over, and not tried again.
signal closed(code, reason)
## What came cannot be read, and the connection is closed; or what was to be sent is wrong, and was not sent.
signal failed(text)

## What the connection does.
enum State { CLOSED, CONNECTING, HELLO, READY, WAITING }

## The server stops or restarts: the one reason of an eject after which it is worth coming back.
const EJECT_RESTART: int = 160
## Among others, for want of room.
const EJECT_GENERIC: int = 1
## The sub-protocol with which a message holds several datagrams.
const FRAMES: String = "donet.frames"

const _HELLO: int = 1
const _HELLO_RESP: int = 2
const _DISCONNECT: int = 3
const _EJECT: int = 4
const _HEARTBEAT: int = 5
const _SET_FIELD: int = 120
const _SET_FIELDS: int = 121
const _LEAVING: int = 132
const _LOCATION: int = 140
const _ENTER: int = 142
const _ENTER_OTHER: int = 143
const _LEAVING_OWNER: int = 161
const _ENTER_OWNER: int = 172
const _ENTER_OTHER_OWNER: int = 173
const _ADD_INTEREST: int = 200
const _ADD_INTERESTS: int = 201
const _REMOVE_INTEREST: int = 203
const _DONE_INTEREST: int = 204
const _RESUME_ASK: int = 310
const _RESUME_TOKEN: int = 311
const _RESUME: int = 312
const _RESUME_RESP: int = 313
const _RESUME_DONE: int = 314
const _DATAGRAM_BYTES_MAX: int = 0xffff
## Close codes of WebSocket: from here on they are reasons of ejects.
const _FIRST_EJECT: int = 4000
const _UNREADABLE: int = 3000

## Seconds between heartbeats; 0 for none. Shorter than `client.heartbeat_timeout`.
var heartbeat: float = 10.0
## After how many seconds to try again when the connection is lost: twice as many each time. 0: never.
var retry_first: float = 0.5
## And how many at most.
var retry_most: float = 30.0
## Whether to come back to the same session after a loss, where `client.resume_ms` lets us. Only for a donet: other servers
## eject whoever asks.
var resume: bool = false
## With what it comes back. A secret; empty while there is nothing to come back to.
var token: PackedByteArray = PackedByteArray()
## What it does now.
var state: int = State.CLOSED

var _socket: WebSocketPeer = null
var _url: String = ""
var _version: String = ""
var _attempts: int = 0
var _last_context: int = 0
var _last_interest: int = 0xffff
var _eject_code: int = -1
## When to say that we live, or to try again, in milliseconds of the engine's clock.
var _due: int = 0


## Connects. [param dc] is an export of the DC files, [param version] what the client agent's `version` has. False, with
## [signal failed], if the export is none.
func open(url: String, dc: Dictionary, version: String) -> bool:
	schema = _new_schema()
	if not schema.take(dc):
		return _complain(schema.error)
	_url = url
	_version = version
	_connect()
	return true


## Says goodbye, and does not come back. Not called `close`: a game may well have one.
func leave() -> void:
	if state == State.CLOSED:
		return
	if state == State.READY:
		_transmit(_datagram(_DISCONNECT))
	_end(1000, "", 1000)


## An object that is known without having entered, such as an UberDOG. It outlives sessions. `null` if there is no such class.
func declare(do_id: int, dclass_name: String) -> DistributedObject:
	var dclass: Dictionary = schema.dclass(dclass_name)
	if dclass.size() == 0:
		_complain(schema.error)
		return null
	if not objects.has(do_id):
		objects[do_id] = DistributedObject.new(do_id, dclass)
	_declared[do_id] = objects[do_id]
	return objects[do_id]


## Sends an update of an object's field: of a method the list of its arguments, else its value. Whether the client may is the
## server's matter. False, with [signal failed], if the value is wrong; then nothing is sent.
func send_update(object: DistributedObject, field: String, value) -> bool:
	var packed: PackedByteArray = schema.pack(object._dclass, field, value)
	if schema.error:
		return _complain(schema.error)
	var datagram: StreamPeerBuffer = _datagram(_SET_FIELD)
	datagram.put_u32(object.do_id)
	datagram.put_u16(int(object._dclass["by_name"][field]["id"]))
	if packed.size() > 0:
		datagram.put_data(packed)
	return _transmit(datagram)


## Moves an object of the client's own, with `client.relocate`. What a client does itself it is not told.
func move(object: DistributedObject, parent: int, zone: int) -> bool:
	var datagram: StreamPeerBuffer = _datagram(_LOCATION)
	datagram.put_u32(object.do_id)
	datagram.put_u32(parent)
	datagram.put_u32(zone)
	if not _transmit(datagram):
		return false
	object.parent = parent
	object.zone = zone
	return true


## Opens an interest; [signal interest_done] when all objects in it have entered. `null` if there is no session.
func add_interest(parent: int, zones: Array) -> Interest:
	# A number is used again as late as possible: a server may still speak of the one before.
	_last_interest = (_last_interest + 1) & 0xffff
	while interests.has(_last_interest):
		_last_interest = (_last_interest + 1) & 0xffff
	var interest: Interest = Interest.new(_last_interest, parent, zones)
	var datagram: StreamPeerBuffer = _question(_ADD_INTERESTS, interest)
	datagram.put_u32(parent)
	datagram.put_u16(zones.size())
	for zone in zones:
		datagram.put_u32(zone)
	if not _transmit(datagram):
		return null
	_pending["%d %d" % [_last_context, interest.id]] = Question.new(interest, true, datagram)
	interests[interest.id] = interest
	return interest


## Closes an interest; [signal interest_done] when all objects that are in no other have left.
func remove_interest(interest: Interest) -> bool:
	if interests.get(interest.id) != interest:
		return _complain("the interest %d is not open" % interest.id)
	var datagram: StreamPeerBuffer = _question(_REMOVE_INTEREST, interest)
	if not _transmit(datagram):
		return false
	_pending["%d %d" % [_last_context, interest.id]] = Question.new(interest, false, datagram)
	interests.erase(interest.id)
	return true


func _process(_delta: float) -> void:
	if state == State.WAITING and Time.get_ticks_msec() >= _due:
		_connect()
	if _socket == null:
		return
	_socket.poll()
	match _socket.get_ready_state():
		WebSocketPeer.STATE_OPEN:
			if state == State.CONNECTING and token.size() > 0:
				_come_back()
			elif state == State.CONNECTING:
				_say_hello()
			_receive()
			if state == State.READY and heartbeat > 0.0 and Time.get_ticks_msec() >= _due:
				_transmit(_datagram(_HEARTBEAT))
				_due = Time.get_ticks_msec() + int(heartbeat * 1000.0)
		WebSocketPeer.STATE_CLOSED:
			# What has come before the end is heard.
			_receive()
			if _socket != null:
				_lose(_socket.get_close_code(), _socket.get_close_reason())


# --- The socket ------------------------------------------------------------------------------------


func _new_schema() -> DonetSchema:
	return DonetSchema.new()


func _new_socket() -> WebSocketPeer:
	var socket: WebSocketPeer = WebSocketPeer.new()
	socket.supported_protocols = PackedStringArray([FRAMES])
	# What an interest shows at its beginning comes at once.
	socket.inbound_buffer_size = 1 << 22
	socket.max_queued_packets = 1 << 14
	socket.outbound_buffer_size = 1 << 18
	return socket


func _connect() -> void:
	_eject_code = -1
	state = State.CONNECTING
	_socket = _new_socket()
	var result: int = _socket.connect_to_url(_url)
	if result != OK:
		_lose(-1, "error %d" % result)


func _say_hello() -> void:
	state = State.HELLO
	var version: PackedByteArray = _version.to_utf8_buffer()
	var hello: StreamPeerBuffer = _datagram(_HELLO)
	hello.put_u32(schema.dc_hash)
	hello.put_u16(version.size())
	if version.size() > 0:
		hello.put_data(version)
	_transmit(hello)


## Asks for the session that we had.
func _come_back() -> void:
	state = State.HELLO
	var datagram: StreamPeerBuffer = _datagram(_RESUME)
	datagram.put_u16(token.size())
	datagram.put_data(token)
	_transmit(datagram)


func _datagram(type: int) -> StreamPeerBuffer:
	var datagram: StreamPeerBuffer = StreamPeerBuffer.new()
	datagram.put_u16(type)
	return datagram


## The beginning of what is answered by a DONE.
func _question(type: int, interest: Interest) -> StreamPeerBuffer:
	_last_context = (_last_context + 1) & 0xffffffff
	var datagram: StreamPeerBuffer = _datagram(type)
	datagram.put_u32(_last_context)
	datagram.put_u16(interest.id)
	return datagram


func _transmit(datagram: StreamPeerBuffer) -> bool:
	if state != State.READY and state != State.HELLO:
		return _complain("the connection is not ready")
	var bytes: PackedByteArray = datagram.data_array
	if bytes.size() > _DATAGRAM_BYTES_MAX:
		return _complain("%d bytes are more than a message holds" % bytes.size())
	if _socket.get_selected_protocol() == FRAMES:
		var message: StreamPeerBuffer = StreamPeerBuffer.new()
		message.put_u16(bytes.size())
		message.put_data(bytes)
		bytes = message.data_array
	return _socket.send(bytes) == OK or _complain("the socket takes nothing")


func _receive() -> void:
	while _socket != null and _socket.get_available_packet_count() > 0:
		var has_frames: bool = _socket.get_selected_protocol() == FRAMES
		var message: DonetSchema.Reader = DonetSchema.Reader.new(_socket.get_packet())
		if not has_frames:
			_handle(message)
			continue
		while _socket != null and message.left() > 0:
			var bytes: PackedByteArray = message.take(message.u16())
			if message.error:
				_misunderstand(message.error)
			else:
				_handle(DonetSchema.Reader.new(bytes))


## The socket has closed.
func _lose(code: int, reason: String) -> void:
	# A reason may be all that is left of an eject.
	if code >= _FIRST_EJECT and _eject_code < 0:
		_be_ejected(code - _FIRST_EJECT, reason)
	# The game may have closed it, here and below.
	if state == State.CLOSED:
		return
	# Before it has looked at our token a full server takes us for somebody else, who has to go.
	var is_full: bool = state != State.READY and token.size() > 0 and _eject_code == EJECT_GENERIC
	var is_tried: bool = retry_first > 0.0 and (_eject_code < 0 or _eject_code == EJECT_RESTART or is_full)
	# A server that closes without a word has nothing against us, but does not want us either.
	if not is_tried or code == 1000:
		_end(code, reason, 0)
		return
	# The session is still there; or not, but then we are told so.
	var comes_back: bool = token.size() > 0 and _eject_code != EJECT_RESTART
	_socket = null
	state = State.WAITING
	# Not all players come back at the same moment.
	var delay: float = min(retry_most, retry_first * pow(2.0, min(_attempts, 16))) * (0.5 + randf() / 2.0)
	_attempts += 1
	_due = Time.get_ticks_msec() + int(delay * 1000.0)
	if comes_back:
		_doubt = null
	else:
		_forget()
	if state == State.WAITING:
		lost.emit(code, reason, delay, comes_back)


## Nothing comes after this.
func _end(code: int, reason: String, farewell: int) -> void:
	if farewell > 0 and _socket != null:
		_socket.close(farewell)
	_socket = null
	state = State.CLOSED
	_forget()
	closed.emit(code, reason)


func _forget() -> void:
	token = PackedByteArray()
	super._forget()


## A mistake of the game's: what came is not to blame, though the game may have made it when it was told of that.
func _complain(text: String) -> bool:
	schema.error = ""
	failed.emit(text)
	return false


## Nobody knows what else would be misunderstood: another try would end in the same way.
func _misunderstand(text: String) -> void:
	failed.emit(text)
	if _socket != null:
		_end(_UNREADABLE, text, _UNREADABLE)


# --- What comes ------------------------------------------------------------------------------------


func _handle(datagram: DonetSchema.Reader) -> void:
	schema.error = ""
	var type: int = datagram.u16()
	match type:
		_HELLO_RESP:
			_be_welcome()
		_EJECT:
			var code: int = datagram.u16()
			var text: String = datagram.take(datagram.u16()).get_string_from_utf8()
			if not datagram.error:
				_be_ejected(code, text)
		_SET_FIELD:
			_update(datagram.u32(), datagram, 1)
		_SET_FIELDS:
			var do_id: int = datagram.u32()
			_update(do_id, datagram, datagram.u16())
		_ENTER, _ENTER_OWNER:
			_object_enters(datagram, false, type == _ENTER_OWNER)
		_ENTER_OTHER, _ENTER_OTHER_OWNER:
			_object_enters(datagram, true, type == _ENTER_OTHER_OWNER)
		_LEAVING, _LEAVING_OWNER:
			_object_leaves(datagram.u32(), type == _LEAVING_OWNER)
		_LOCATION:
			_object_moves(datagram)
		_ADD_INTEREST, _ADD_INTERESTS:
			_interest_opens(datagram, type == _ADD_INTERESTS)
		_REMOVE_INTEREST:
			_interest_closes(datagram)
		_DONE_INTEREST:
			var context: int = datagram.u32()
			_interest_is_done("%d %d" % [context, datagram.u16()])
		_RESUME_TOKEN:
			_take_token(datagram)
		_RESUME_RESP:
			var is_back: bool = datagram.u8() == 1
			if _take_token(datagram):
				_be_answered(is_back)
		_RESUME_DONE:
			_be_told_all()
		_:
			_misunderstand("there is no message %d" % type)
			return
	datagram.finish()
	if schema.error or datagram.error:
		_misunderstand(schema.error if schema.error else "message %d: %s" % [type, datagram.error])


func _be_welcome() -> void:
	_be_ready()
	if resume:
		_transmit(_datagram(_RESUME_ASK))
	welcomed.emit()


func _be_ready() -> void:
	state = State.READY
	_attempts = 0
	_due = Time.get_ticks_msec() + int(heartbeat * 1000.0)


## With what we can come back. For how long it is good the server knows: who is too late is told so.
func _take_token(datagram: DonetSchema.Reader) -> bool:
	var bytes: PackedByteArray = datagram.take(datagram.u16())
	datagram.u32()
	if not datagram.error:
		token = bytes
	return not datagram.error


## Whether we are in the session that we had.
func _be_answered(is_back: bool) -> void:
	if is_back:
		_begin_doubt()
		_be_ready()
		# From our next word on the token before is no good any more.
		_transmit(_datagram(_HEARTBEAT))
		return
	_forget()
	resume_failed.emit()
	# The game may have closed it.
	if state == State.HELLO:
		_say_hello()


func _be_told_all() -> void:
	if _doubt == null:
		return
	var questions: Array = _end_doubt()
	# The game may have closed it.
	if state != State.READY:
		return
	for question in questions:
		_transmit(question.datagram)
	resumed.emit()


func _be_ejected(code: int, text: String) -> void:
	_eject_code = code
	ejected.emit(code, text)
