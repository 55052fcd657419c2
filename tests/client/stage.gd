# What the tests of docs/client/donet.gd with a daemon are played on: a socket, a game's server, and what lies between and can be cut.
extends Reference


# What WebSocketPeer is in Godot 4, made of Godot 3's WebSocketClient.
class Socket:
	var client: WebSocketClient = null
	var protocol: String = ""
	var state: int = 0
	var code: int = 1006
	var reason: String = ""

	func connect_to_url(url: String) -> int:
		client = WebSocketClient.new()
		state = 0
		code = 1006
		reason = ""
		client.connect("connection_established", self, "opened")
		client.connect("connection_error", self, "ended", [false])
		client.connect("connection_closed", self, "ended")
		client.connect("server_close_request", self, "asked")
		return client.connect_to_url(url, PoolStringArray(["donet.frames"]))

	func opened(with: String) -> void:
		protocol = with
		state = 1
		client.get_peer(1).set_write_mode(WebSocketPeer.WRITE_MODE_BINARY)

	func ended(_is_clean: bool) -> void:
		state = 3

	func asked(with: int, why: String) -> void:
		code = with
		reason = why

	func poll() -> void:
		client.poll()

	func get_ready_state() -> int:
		return state

	func get_available_packet_count() -> int:
		return client.get_peer(1).get_available_packet_count() if state == 1 else 0

	func get_packet() -> PoolByteArray:
		return client.get_peer(1).get_packet()

	func get_selected_protocol() -> String:
		return protocol

	func send(bytes: PoolByteArray) -> int:
		return client.get_peer(1).put_packet(bytes)

	func close(_code: int) -> void:
		client.disconnect_from_host()

	func get_close_code() -> int:
		return code

	func get_close_reason() -> String:
		return reason


# The game's own server, as small as the tests need it: a link to the message director that lets players in and makes objects.
class Ai:
	const ROOM: int = 5000
	const CHANNEL: int = 200000
	const LOGIN_MANAGER: int = 1001
	const STATE_SERVER: int = 4001

	var schema = null
	var link: StreamPeerTCP = StreamPeerTCP.new()
	var unread: StreamPeerBuffer = StreamPeerBuffer.new()
	# Players' channels by the names that they have given.
	var players: Dictionary = {}
	# Updates that came here.
	var received: Array = []
	# Whether all has been done that was asked for before.
	var is_settled: bool = false

	func _init(its_schema, port: int) -> void:
		schema = its_schema
		link.connect_to_host("127.0.0.1", port)
		while link.get_status() == StreamPeerTCP.STATUS_CONNECTING:
			OS.delay_msec(1)
		link.set_no_delay(true)
		for channel in [CHANNEL, LOGIN_MANAGER]:
			var control: StreamPeerBuffer = head(1, [], 9000)
			control.put_u64(channel)
			write(control)
		create(STATE_SERVER, ROOM, 0, 0, "Room", PoolByteArray())

	func head(to: int, sender: Array, type: int) -> StreamPeerBuffer:
		var datagram: StreamPeerBuffer = StreamPeerBuffer.new()
		datagram.put_u8(1)
		datagram.put_u64(to)
		for each in sender:
			datagram.put_u64(each)
		datagram.put_u16(type)
		return datagram

	func message(to: int, type: int) -> StreamPeerBuffer:
		return head(to, [CHANNEL], type)

	func write(datagram: StreamPeerBuffer) -> void:
		link.put_u16(datagram.get_size())
		link.put_data(datagram.data_array)

	func create(server: int, do_id: int, parent: int, zone: int, dclass: String, values: PoolByteArray) -> void:
		var datagram: StreamPeerBuffer = message(server, 2000)
		for number in [do_id, parent, zone]:
			datagram.put_u32(number)
		datagram.put_u16(int(schema.dclass(dclass)["id"]))
		if values.size() > 0:
			datagram.put_data(values)
		write(datagram)

	func packed(field: String, value) -> PoolByteArray:
		return schema.pack(schema.dclass("Avatar"), field, value)

	func create_avatar(do_id: int, zone: int, name: String) -> void:
		create(STATE_SERVER, do_id, ROOM, zone, "Avatar", packed("setName", [name]) + packed("setPosition", [1.5, -2.5]) + packed("setPurse", [5]))
		var datagram: StreamPeerBuffer = message(do_id, 2050)
		datagram.put_u64(CHANNEL)
		write(datagram)

	func set_mood(do_id: int, mood: String) -> void:
		var datagram: StreamPeerBuffer = message(do_id, 2020)
		datagram.put_u32(do_id)
		datagram.put_u16(int(schema.dclass("Avatar")["by_name"]["setMood"]["id"]))
		datagram.put_data(packed("setMood", [mood]))
		write(datagram)

	func delete(do_id: int) -> void:
		var datagram: StreamPeerBuffer = message(do_id, 2032)
		datagram.put_u32(do_id)
		write(datagram)

	func own(do_id: int, player: String) -> void:
		var datagram: StreamPeerBuffer = message(do_id, 2060)
		datagram.put_u64(players[player])
		write(datagram)

	# Asks what is answered when all has been done that was asked for before.
	func settle() -> void:
		is_settled = false
		var datagram: StreamPeerBuffer = message(ROOM, 2044)
		datagram.put_u32(0)
		write(datagram)

	func poll() -> void:
		if link.get_available_bytes() > 0:
			var rest: PoolByteArray = unread.data_array
			rest.append_array(link.get_data(link.get_available_bytes())[1])
			unread.data_array = rest
		while unread.get_size() >= 2:
			unread.seek(0)
			var length: int = unread.get_u16()
			if unread.get_size() < 2 + length:
				return
			var datagram: StreamPeerBuffer = StreamPeerBuffer.new()
			datagram.data_array = unread.get_data(length)[1]
			var left: int = unread.get_size() - 2 - length
			unread.data_array = unread.get_data(left)[1] if left > 0 else PoolByteArray()
			handle(datagram)

	func handle(datagram: StreamPeerBuffer) -> void:
		datagram.seek(1 + 8 * datagram.get_u8())
		var sender: int = datagram.get_u64()
		match datagram.get_u16():
			2045:
				is_settled = true
			2020:
				var do_id: int = datagram.get_u32()
				var field: Dictionary = schema.field(datagram.get_u16())
				var value: Array = schema.unpack(field, datagram.get_data(datagram.get_size() - datagram.get_position())[1])
				if do_id == LOGIN_MANAGER:
					let_in(sender, value[0])
				else:
					received.append("%d %s%s" % [do_id, field["name"], value])

	func let_in(channel: int, name: String) -> void:
		players[name] = channel
		var datagram: StreamPeerBuffer = message(channel, 1000)
		datagram.put_u16(2)
		write(datagram)


# What lies between a client and the daemon.
class Proxy:
	var server: TCP_Server = TCP_Server.new()
	var to: int = 0
	# Pairs of a client's connection and one to the daemon.
	var pairs: Array = []
	# Whoever connects has to wait.
	var is_held: bool = false
	# What the daemon says is lost, and how much of it was.
	var is_mute: bool = false
	var lost: int = 0

	func _init(port: int, daemon: int) -> void:
		to = daemon
		server.listen(port, "127.0.0.1")

	func poll() -> void:
		while server.is_connection_available() and not is_held:
			var far: StreamPeerTCP = StreamPeerTCP.new()
			far.connect_to_host("127.0.0.1", to)
			pairs.append([server.take_connection(), far])
		for pair in pairs.duplicate():
			if pair[1].get_status() == StreamPeerTCP.STATUS_CONNECTING:
				continue
			move(pair[0], pair[1])
			move(pair[1], pair[0])
			if not pair[0].is_connected_to_host() or not pair[1].is_connected_to_host():
				end(pair)

	func move(from: StreamPeerTCP, into: StreamPeerTCP) -> void:
		var count: int = from.get_available_bytes()
		if count <= 0:
			return
		var bytes: PoolByteArray = from.get_data(count)[1]
		if is_mute and from.get_connected_port() == to:
			lost += count
		else:
			into.put_data(bytes)

	func end(pair: Array) -> void:
		pairs.erase(pair)
		for stream in pair:
			stream.disconnect_from_host()

	func cut() -> void:
		for pair in pairs.duplicate():
			end(pair)
