# What docs/client/donet.gd makes of datagrams, and sends, with a socket that is none. Godot 3 runs it: see tests/client/godot.
extends "fake.gd"

func _init() -> void:
	plays()
	is_ejected_and_comes_back_after_a_restart()
	understands_no_nonsense()
	outlives_mistakes_of_the_game()
	print("a session, %d failures" % failures)
	quit(1 if failures > 0 else 0)


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
	expect(["welcomed", "ejected 160 hi", "lost 4160  False"], "a restart")
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


# A mistake that is made when something is told is not one of what was told.
func outlives_mistakes_of_the_game() -> void:
	var world = client()
	world.connect("welcomed", self, "declares_nonsense", [world])
	come(world, ["0200"])
	heard.erase("welcomed")
	expect(["failed there is no class Nonsense in the DC export", "failed there is no class Rubbish in the DC export"], "mistakes when it is told")
	check(world.state, world.State.READY, "it goes on")
	world.free()


func declares_nonsense(world) -> void:
	world.declare(1002, "Nonsense")
	world.declare(1002, "Rubbish")
