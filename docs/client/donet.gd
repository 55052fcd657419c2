class_name DonetClient
extends Node
## A client of donet: one connection to a client agent, by WebSocket, over as many sockets as it takes.
##
## Add it to the scene tree, connect its signals, and call [method open]. docs/client/README.md has an example.
## [codeblock]
## var world := DonetClient.new()
## add_child(world)
## world.welcomed.connect(_on_welcomed)
## world.open("ws://127.0.0.1:7196/", JSON.parse_string(FileAccess.get_file_as_string("res://dc.json")), "quickstart")
## [/codeblock]

## The hello was answered: log in, and open interests. Once for each session, so again after each loss.
signal welcomed()
## An object is in sight ([code]as_owner[/code] is false), or has become the client's own.
signal object_entered(object, as_owner)
## It is out of sight, or no longer the client's own.
signal object_left(object, as_owner)
## A field of an object has been updated, after the object's own signal.
signal object_updated(object, field, value)
## An object has moved, and is still in sight.
signal object_moved(object, parent, zone)
## Everything in an interest has entered, or, of one that was closed, has left.
signal interest_done(interest)
## A server has opened or closed an interest.
signal interest_changed(interest, is_open)
## A field of an object that was not declared has been updated.
signal unknown_updated(do_id, field, value)
## The server ends the session, and says why: docs/protocol/client-agent.md has the codes.
signal ejected(code, text)
## The connection is lost, and tried again in so many seconds. All objects have left before.
signal lost(code, reason, retry)
## It is over, and not tried again.
signal closed(code, reason)
## What came cannot be read, and the connection is closed; or what was to be sent is wrong, and was not sent.
signal failed(text)

## What the connection does.
enum State { CLOSED, CONNECTING, HELLO, READY, WAITING }

## The server stops or restarts: the one reason of an eject after which it is worth coming back.
const EJECT_RESTART: int = 160
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
## What it does now.
var state: int = State.CLOSED
## What is visible, owned or declared, by doId: each is a [DonetClient.DistributedObject].
var objects: Dictionary = {}
## The open interests by their numbers.
var interests: Dictionary = {}
## The DC files.
var schema: DonetSchema = null

var _socket: WebSocketPeer = null
var _url: String = ""
var _version: String = ""
var _declared: Dictionary = {}
var _pending: Dictionary = {}
var _attempts: int = 0
var _last_context: int = 0
var _last_interest: int = 0xffff
var _eject_code: int = -1
## When to say that we live, or to try again, in milliseconds of the engine's clock.
var _due: int = 0


## An object as this client knows it.
class DistributedObject:
	## A field has been updated; of a method [code]value[/code] is the list of its arguments.
	signal updated(field, value)

	var do_id: int = 0
	var parent: int = 0
	var zone: int = 0
	## Whether it is in one of the client's interests, and whether it is the client's own.
	var is_visible: bool = false
	var is_owned: bool = false
	## The latest value of each field that we were told, by name.
	var fields: Dictionary = {}
	var _dclass: Dictionary = {}

	func _init(id: int, dclass: Dictionary) -> void:
		do_id = id
		_dclass = dclass

	## The name of its class.
	func get_dclass() -> String:
		return _dclass["name"]

	func _tell(field: String, value) -> void:
		updated.emit(field, value)


## Zones of a parent that the client sees.
class Interest:
	var id: int = 0
	var parent: int = 0
	var zones: Array = []

	func _init(number: int, of: int, its: Array) -> void:
		id = number
		parent = of
		zones = its


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
	_pending["%d %d" % [_last_context, interest.id]] = interest
	interests[interest.id] = interest
	return interest


## Closes an interest; [signal interest_done] when all objects that are in no other have left.
func remove_interest(interest: Interest) -> bool:
	if interests.get(interest.id) != interest:
		return _complain("the interest %d is not open" % interest.id)
	if not _transmit(_question(_REMOVE_INTEREST, interest)):
		return false
	_pending["%d %d" % [_last_context, interest.id]] = interest
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
			if state == State.CONNECTING:
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
	# Here a client that has had a session will ask for the same again, when there are daemons that serve that.
	_transmit(hello)


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
	var comes_back: bool = retry_first > 0.0 and (_eject_code < 0 or _eject_code == EJECT_RESTART)
	# A server that closes without a word has nothing against us, but does not want us either.
	if not comes_back or code == 1000:
		_end(code, reason, 0)
		return
	_socket = null
	state = State.WAITING
	# Not all players come back at the same moment.
	var delay: float = min(retry_most, retry_first * pow(2.0, min(_attempts, 16))) * (0.5 + randf() / 2.0)
	_attempts += 1
	_due = Time.get_ticks_msec() + int(delay * 1000.0)
	_forget()
	lost.emit(code, reason, delay)


## Nothing comes after this.
func _end(code: int, reason: String, farewell: int) -> void:
	if farewell > 0 and _socket != null:
		_socket.close(farewell)
	_socket = null
	state = State.CLOSED
	_forget()
	closed.emit(code, reason)


## All that belonged to the session goes with it.
func _forget() -> void:
	interests.clear()
	_pending.clear()
	for object in objects.values():
		if object.is_visible:
			_object_leaves(object.do_id, false)
		if object.is_owned:
			_object_leaves(object.do_id, true)


func _complain(text: String) -> bool:
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
		_:
			_misunderstand("there is no message %d" % type)
			return
	datagram.finish()
	if schema.error or datagram.error:
		_misunderstand(schema.error if schema.error else "message %d: %s" % [type, datagram.error])


func _be_welcome() -> void:
	state = State.READY
	_attempts = 0
	_due = Time.get_ticks_msec() + int(heartbeat * 1000.0)
	welcomed.emit()


func _be_ejected(code: int, text: String) -> void:
	_eject_code = code
	ejected.emit(code, text)


func _object_enters(datagram: DonetSchema.Reader, has_other: bool, as_owner: bool) -> void:
	var do_id: int = datagram.u32()
	var parent: int = datagram.u32()
	var zone: int = datagram.u32()
	var dclass: Dictionary = schema.dclass_by_id(datagram.u16())
	if datagram.error or dclass.size() == 0:
		return
	var object: DistributedObject = objects.get(do_id)
	if object == null or object._dclass["id"] != dclass["id"]:
		object = DistributedObject.new(do_id, dclass)
	object.parent = parent
	object.zone = zone
	if as_owner:
		object.is_owned = true
	else:
		object.is_visible = true
	for field in schema.shown_fields(dclass, as_owner):
		_store(object, field, schema.unpack_from(datagram, field))
	for _i in datagram.u16() if has_other else 0:
		var field: Dictionary = schema.field(datagram.u16())
		if datagram.error or field.size() == 0:
			return
		_store(object, field, schema.unpack_from(datagram, field))
	if datagram.error:
		return
	objects[do_id] = object
	object_entered.emit(object, as_owner)


## Notes a value; of a molecular field those of its parts.
func _store(object: DistributedObject, field: Dictionary, value) -> void:
	if not field.has("parts"):
		object.fields[field["name"]] = value
		return
	var parts: Array = schema.parts_of(field)
	for i in parts.size():
		_store(object, parts[i], value[i])


func _update(do_id: int, datagram: DonetSchema.Reader, count: int) -> void:
	var object: DistributedObject = objects.get(do_id)
	for _i in count:
		var field: Dictionary = schema.field(datagram.u16())
		if datagram.error or field.size() == 0:
			return
		var value = schema.unpack_from(datagram, field)
		if datagram.error or schema.error:
			return
		if object != null:
			_tell(object, field, value)
		else:
			unknown_updated.emit(do_id, field["name"], value)


## A molecular field's parts are told of one by one, then itself.
func _tell(object: DistributedObject, field: Dictionary, value) -> void:
	var parts: Array = schema.parts_of(field)
	for i in parts.size():
		_tell(object, parts[i], value[i])
	_store(object, field, value)
	object._tell(field["name"], value)
	object_updated.emit(object, field["name"], value)


func _object_leaves(do_id: int, as_owner: bool) -> void:
	var object: DistributedObject = objects.get(do_id)
	if object == null:
		return
	if as_owner:
		object.is_owned = false
	else:
		object.is_visible = false
	if not object.is_owned and not object.is_visible and not _declared.has(do_id):
		objects.erase(do_id)
	object_left.emit(object, as_owner)


func _object_moves(datagram: DonetSchema.Reader) -> void:
	var object: DistributedObject = objects.get(datagram.u32())
	var parent: int = datagram.u32()
	var zone: int = datagram.u32()
	if object == null or datagram.error:
		return
	object.parent = parent
	object.zone = zone
	object_moved.emit(object, parent, zone)


## A server has opened an interest.
func _interest_opens(datagram: DonetSchema.Reader, has_count: bool) -> void:
	datagram.u32()
	var id: int = datagram.u16()
	var parent: int = datagram.u32()
	var zones: Array = []
	for _i in datagram.u16() if has_count else 1:
		zones.append(datagram.u32())
	if datagram.error:
		return
	var interest: Interest = Interest.new(id, parent, zones)
	interests[id] = interest
	interest_changed.emit(interest, true)


## A server has closed one.
func _interest_closes(datagram: DonetSchema.Reader) -> void:
	datagram.u32()
	var id: int = datagram.u16()
	if datagram.error:
		return
	var interest: Interest = interests.get(id)
	if interest == null:
		interest = Interest.new(id, 0, [])
	interests.erase(id)
	interest_changed.emit(interest, false)


## Servers' contexts are their own, and may be in use here: then not for the same interest.
func _interest_is_done(question: String) -> void:
	var interest: Interest = _pending.get(question)
	_pending.erase(question)
	if interest != null:
		interest_done.emit(interest)
