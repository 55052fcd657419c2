# What the tests of docs/client/donet.gd without a daemon have in common: a client with a socket that is
# none, and all that it tells.
extends SceneTree

var failures: int = 0
var heard: Array = []
var socket = null


class FakeSocket:
	var protocol: String = "donet.frames"
	var state: int = 1
	var code: int = 1006
	var reason: String = ""
	var sent: Array = []
	var packets: Array = []

	func connect_to_url(_url: String) -> int:
		return OK

	func poll() -> void:
		pass

	func get_ready_state() -> int:
		return state

	func get_available_packet_count() -> int:
		return packets.size()

	func get_packet() -> PoolByteArray:
		return packets.pop_front()

	func get_selected_protocol() -> String:
		return protocol

	func send(bytes: PoolByteArray) -> int:
		sent.append(bytes.hex_encode())
		return OK

	func close(with: int) -> void:
		code = with

	func get_close_code() -> int:
		return code

	func get_close_reason() -> String:
		return reason


func client(its_socket = FakeSocket.new(), url: String = "ws://x/"):
	var made = load("res://donet.gd").new()
	heard = []
	socket = its_socket
	made.set_meta("socket", socket)
	for name in ["welcomed", "object_entered", "object_left", "object_updated", "object_moved", "interest_done", "interest_changed",
			"unknown_updated", "ejected", "lost", "resumed", "resume_failed", "closed", "failed"]:
		var count: int = 0
		for each in made.get_signal_list():
			if each["name"] == name:
				count = each["args"].size()
		made.connect(name, self, "hear%d" % count, [name])
	check(made.open(url, parse("world.json"), "v1"), true, "it opens")
	made._process(0.0)
	return made


func hear0(name: String) -> void:
	heard.append(name)


func hear1(one, name: String) -> void:
	heard.append("%s %s" % [name, shown(one)])


func hear2(one, two, name: String) -> void:
	heard.append("%s %s %s" % [name, shown(one), shown(two)])


func hear3(one, two, three, name: String) -> void:
	heard.append("%s %s %s %s" % [name, shown(one), shown(two), shown(three)])


# How long it waits is left to chance.
func hear4(one, two, _three, four, name: String) -> void:
	heard.append("%s %s %s %s" % [name, shown(one), shown(two), shown(four)])


func shown(value) -> String:
	if value is Object and "do_id" in value:
		return "%s(%d)" % [value.get_dclass(), value.do_id]
	if value is Object and "zones" in value:
		return "interest %d %d %s" % [value.id, value.parent, value.zones]
	return str(value)


func come(world, datagrams: Array) -> void:
	var message: PoolByteArray = PoolByteArray()
	for text in datagrams:
		message.append(text.length() / 2)
		message.append(0)
		message.append_array(from_hex(text))
	socket.packets.append(message)
	world._process(0.0)


func id_of(world, dclass: String, field: String) -> String:
	return u16(world.schema.dclass(dclass)["by_name"][field]["id"])


func class_of(world, dclass: String) -> String:
	return u16(world.schema.dclass(dclass)["id"])


func u16(number) -> String:
	var bytes: StreamPeerBuffer = StreamPeerBuffer.new()
	bytes.put_u16(int(number))
	return bytes.data_array.hex_encode()


func expect(signals: Array, what: String) -> void:
	check(heard, signals, what)
	heard = []


func expect_sent(messages: Array, what: String) -> void:
	check(socket.sent, messages, what)
	socket.sent = []


func check(found, expected, what: String) -> void:
	if str(found) != str(expected):
		failures += 1
		print("%s:\n  found    %s\n  expected %s" % [what, found, expected])


func parse(name: String):
	var file = File.new()
	file.open("res://" + name, File.READ)
	return JSON.parse(file.get_as_text()).result


func from_hex(text: String) -> PoolByteArray:
	var bytes: PoolByteArray = PoolByteArray()
	for i in range(0, text.length(), 2):
		bytes.append(("0x" + text.substr(i, 2)).hex_to_int())
	return bytes
