# What docs/client/donet.gd makes of datagrams, and sends, with a socket that is none. Godot 3 runs it: see tests/client/godot.
extends SceneTree

var failures: int = 0
var heard: Array = []
var socket: FakeSocket = null


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


func _init() -> void:
	plays()
	is_ejected_and_comes_back_after_a_restart()
	understands_no_nonsense()
	print("a session, %d failures" % failures)
	quit(1 if failures > 0 else 0)


func client():
	var made = load(OS.get_environment("DONET_VECTORS") + "/donet.gd").new()
	heard = []
	socket = FakeSocket.new()
	made.set_meta("socket", socket)
	for name in ["welcomed", "object_entered", "object_left", "object_updated", "object_moved", "interest_done", "interest_changed",
			"unknown_updated", "ejected", "lost", "closed", "failed"]:
		var count: int = 0
		for each in made.get_signal_list():
			if each["name"] == name:
				count = each["args"].size()
		made.connect(name, self, "hear%d" % count, [name])
	check(made.open("ws://x/", parse("world.json"), "v1"), true, "it opens")
	made._process(0.0)
	return made


func hear0(name: String) -> void:
	heard.append(name)


func hear1(one, name: String) -> void:
	heard.append("%s %s" % [name, shown(one)])


func hear2(one, two, name: String) -> void:
	heard.append("%s %s %s" % [name, shown(one), shown(two)])


func hear3(one, two, three, name: String) -> void:
	# How long it waits is left to chance.
	var last: String = "" if name == "lost" else " " + shown(three)
	heard.append("%s %s %s%s" % [name, shown(one), shown(two), last])


func shown(value) -> String:
	if value is Object and "do_id" in value:
		return "%s(%d)" % [value.get_dclass(), value.do_id]
	if value is Object and "zones" in value:
		return "interest %d %d %s" % [value.id, value.parent, value.zones]
	return str(value)


func plays() -> void:
	var world = client()
	var dc: Dictionary = parse("world.json")
	var hash_bytes: StreamPeerBuffer = StreamPeerBuffer.new()
	hash_bytes.put_u32(int(dc["hash"]))
	expect_sent(["0a000100" + hash_bytes.data_array.hex_encode() + "02007631"], "hello")
	var manager = world.declare(1001, "LoginManager")
	come(world, ["0200"])
	expect(["welcomed"], "welcome")
	check(world.send_update(manager, "login", ["Ann"]), true, "log-in")
	expect_sent(["0d007800e9030000" + id_of(world, "LoginManager", "login") + "0300416e6e"], "log-in")
	check(world.send_update(manager, "login", [5]), false, "a wrong value")
	check(world.send_update(manager, "logout", []), false, "no field")
	expect(["failed LoginManager.login: name: expected a text, not 5", "failed LoginManager.logout: the class has no such field"], "mistakes")
	expect_sent([], "mistakes")
	var interest = world.add_interest(10, [1, 2])
	expect_sent(["1600c90001000000" + "0000" + "0a000000" + "0200" + "01000000" + "02000000"], "an interest")
	var avatar: String = class_of(world, "Avatar")
	# In one message: it enters, as seen and as owned, with a mood; and the interest is done.
	var seen: String = "f4010000" + "0a000000" + "01000000" + avatar + "0200426f" + "1900e7ff"
	var owned: String = "f4010000" + "0a000000" + "01000000" + avatar + "0200426f" + "1900e7ff" + "0500000000000000"
	come(world, ["8f00" + seen + "0100" + id_of(world, "Avatar", "setMood") + "010068", "ac00" + owned, "cc00010000000000"])
	expect([
		"object_entered Avatar(500) False", "object_entered Avatar(500) True", "interest_done interest 0 10 [1, 2]",
	], "entries")
	var bob = world.objects[500]
	check(bob.fields["setName"], ["Bo"], "name")
	check(bob.fields["setPosition"], [2.5, -2.5], "position")
	check(bob.fields["setPurse"], [5], "purse")
	check(bob.fields["setMood"], ["h"], "mood")
	# A molecular field: its parts are told, then itself.
	come(world, ["7800f4010000" + id_of(world, "Avatar", "setLook") + "010067" + "0000"])
	expect(["object_updated Avatar(500) setMood [g]", "object_updated Avatar(500) setHats [[]]", "object_updated Avatar(500) setLook [[g], [[]]]"], "a molecular field")
	check(bob.fields["setMood"], ["g"], "mood")
	check(world.move(bob, 10, 2), true, "a move")
	expect_sent(["0e008c00f40100000a00000002000000"], "a move")
	come(world, ["8c00f40100000b00000003000000", "7800f5010000" + id_of(world, "Avatar", "say") + "010068"])
	expect(["object_moved Avatar(500) 11 3", "unknown_updated 501 say [h]"], "a move and an unknown object")
	come(world, ["c800070000000900" + "0c000000" + "04000000", "cb00080000000900", "8400f4010000"])
	expect(["interest_changed interest 9 12 [4] True", "interest_changed interest 9 12 [4] False", "object_left Avatar(500) False"], "what servers do")
	check(world.objects.has(500), true, "it is owned")
	check(world.remove_interest(interest), true, "an interest is closed")
	expect_sent(["0800cb00020000000000"], "an interest is closed")
	world.leave()
	expect_sent(["02000300"], "goodbye")
	expect(["object_left Avatar(500) True", "closed 1000 "], "goodbye")
	check(world.objects.keys(), [1001], "what was declared stays")
	world.free()


func is_ejected_and_comes_back_after_a_restart() -> void:
	var world = client()
	socket.sent.clear()
	come(world, ["0200", "0400a00002006869"])
	socket.state = 3
	socket.code = 4160
	world._process(0.0)
	expect(["welcomed", "ejected 160 hi", "lost 4160 "], "a restart")
	world._due = 0
	socket.state = 1
	world._process(0.0)
	check(socket.sent.size(), 1, "it says hello again")
	# All that is left of an eject may be the reason of the close.
	socket.state = 3
	socket.code = 4118
	socket.reason = "no"
	world._process(0.0)
	expect(["ejected 118 no", "closed 4118 no"], "an eject")
	world.free()


func understands_no_nonsense() -> void:
	for case in [
		["0900", "there is no message 9"], ["0400a000", "message 4: 2 bytes are expected, and 0 are left"],
		["020001", "message 2: 1 bytes are left over"], ["8e00010000000100000001000000ff00", "there is no class 255 in the DC export"],
		["780001000000ff00", "there is no field 255 in the DC export"], ["c9000100000001000100000002000100",
		"message 201: 4 bytes are expected, and 2 are left"],
	]:
		var world = client()
		come(world, [case[0]])
		expect(["failed " + case[1], "closed 3000 " + case[1]] if case[0] != "020001" else ["welcomed", "failed " + case[1], "closed 3000 " + case[1]], case[0])
		check(socket.code, 3000, "it says why")
		world.free()


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
	file.open(OS.get_environment("DONET_VECTORS") + "/" + name, File.READ)
	return JSON.parse(file.get_as_text()).result


func from_hex(text: String) -> PoolByteArray:
	var bytes: PoolByteArray = PoolByteArray()
	for i in range(0, text.length(), 2):
		bytes.append(("0x" + text.substr(i, 2)).hex_to_int())
	return bytes
