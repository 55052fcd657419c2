# How docs/client/donet.gd comes back to its session, with a socket that is none. Godot 3 runs it: see tests/client/godot.
extends "fake.gd"

const HELLO: String = "0100"
const HEARTBEAT: String = "02000500"
const ALL_TOLD: String = "3a01"


func _init() -> void:
	hears_of_what_differs()
	keeps_its_token_until_the_next_has_come()
	tries_a_full_server_again()
	parts_with_another_object_of_that_id()
	is_refused()
	has_nothing_to_come_back_to_after_a_restart()
	asks_again()
	asks_again_in_order()
	owns_what_it_is_told()
	is_closed_in_the_middle()
	is_closed_at_the_end()
	asks_nobody_unless_it_was_told_to()
	print("away, %d failures" % failures)
	quit(1 if failures > 0 else 0)


func hears_of_what_differs() -> void:
	var world = away()
	var ann = world.objects[11]
	check([world.objects.size(), world.interests.size(), world.state], [2, 1, world.State.WAITING], "it keeps all")
	check(world.send_update(ann, "say", ["hi"]), false, "nothing is sent")
	expect(["failed the connection is not ready"], "nothing is sent")
	again(world)
	expect_sent([framed("3801" + "0200" + "aabb")], "the token, and no hello")
	come(world, [back("ccdd"), "c800" + "09000000" + "0000" + "05000000" + "01000000"])
	come(world, [enters(world, 11, 2, "416e6e", 20), enters(world, 13, 1, "436964", 10)])
	expect(["object_moved Avatar(11) 5 2", "object_updated Avatar(11) setPosition [2, 0]", "object_entered Avatar(13) False"], "what differs")
	come(world, [ALL_TOLD])
	expect(["object_left Avatar(12) False", "resumed"], "what is gone")
	check([world.objects[11] == ann, world.objects.keys(), world.interests.keys()], [true, [11, 13], [0]], "the same object")
	# It knows the new token now.
	lose(world, 1006)
	again(world)
	expect_sent([framed("3801" + "0200" + "ccdd")], "the next token")
	world.free()


func keeps_its_token_until_the_next_has_come() -> void:
	var world = away()
	again(world)
	lose(world, 1006)
	again(world)
	expect_sent([framed("3801" + "0200" + "aabb")], "once more")
	come(world, [back("ccdd")])
	expect_sent([HEARTBEAT], "the old one is void")
	world.free()


func tries_a_full_server_again() -> void:
	var world = away()
	again(world)
	come(world, ["0400" + "0100" + "0000"])
	lose(world, 4001)
	expect(["ejected 1 ", "lost 4001  True"], "a full server")
	# One that has closed before anything could be said.
	world._due = 0
	world._process(0.0)
	socket.packets = []
	lose(world, 4001)
	expect(["ejected 1 ", "lost 4001  True"], "a full server that is fast")
	check(world.objects.size(), 2, "it keeps all")
	again(world)
	expect_sent([framed("3801" + "0200" + "aabb")], "the token")
	# One that has looked at it has not.
	come(world, [back(""), "0400" + "0100" + "0000"])
	lose(world, 4001)
	check(heard[heard.size() - 1], "closed 4001 ", "an eject")
	world.free()


func parts_with_another_object_of_that_id() -> void:
	var world = away()
	var ann = world.objects[11]
	again(world)
	# It is a room now, and nobody says that the interest is open.
	come(world, [back("ccdd"), "8e00" + "0b000000" + "05000000" + "01000000" + class_of(world, "Room"), enters(world, 12, 1, "426f62", 10), ALL_TOLD])
	expect(["object_left Avatar(11) False", "object_entered Room(11) False", "interest_changed interest 0 5 [1] False", "resumed"], "another object")
	check([ann.is_visible, world.interests.size()], [false, 0], "another object")
	world.free()


func is_refused() -> void:
	var world = away()
	again(world)
	socket.sent = []
	come(world, [back("")])
	expect(["object_left Avatar(11) False", "object_left Avatar(12) False", "resume_failed"], "a token that is no good")
	check([socket.sent.size(), socket.sent[0].substr(4, 4)], [1, HELLO], "a hello on the same connection")
	socket.sent = []
	come(world, ["0200"])
	expect(["welcomed"], "it begins anew")
	expect_sent([framed("3601")], "it asks anew")
	world.free()


func has_nothing_to_come_back_to_after_a_restart() -> void:
	var world = away()
	again(world)
	come(world, [back("ccdd"), enters(world, 11, 1, "416e6e", 10), enters(world, 12, 1, "426f62", 10), ALL_TOLD])
	heard = []
	lose(world, 4160)
	expect(["ejected 160 ", "object_left Avatar(11) False", "object_left Avatar(12) False", "lost 4160  False"], "a restart")
	check(world.token.size(), 0, "there is no session")
	world.free()


func asks_again() -> void:
	var world = away()
	again(world)
	come(world, [back("ccdd"), "c800" + "09000000" + "0000" + "05000000" + "01000000", ALL_TOLD])
	heard = []
	# Three questions are lost with the connection; two the server has heard, of which it tells one by what is open.
	var old = world.interests[0]
	world.remove_interest(old)
	var unheard = world.add_interest(5, [2])
	world.add_interest(5, [3])
	var asked: Array = socket.sent.slice(socket.sent.size() - 3, socket.sent.size() - 1)
	lose(world, 1006)
	again(world)
	socket.sent = []
	come(world, [back("eeff"), "c800" + "09000000" + "0000" + "05000000" + "01000000", "c800" + "0a000000" + "0200" + "05000000" + "03000000", ALL_TOLD])
	expect(["lost 1006  True", "interest_done interest 2 5 [3]", "resumed"], "what was heard is done")
	expect_sent([HEARTBEAT, asked[0], asked[1]], "what was not is asked again")
	come(world, ["cc00" + "03000000" + "0100"])
	expect(["interest_done interest 1 5 [2]"], "in the end")
	check(world.interests.keys(), [1, 2], "in the end")
	check(world.interests[1] == unheard, true, "the same interest")
	world.free()


# What is asked of one number is one after the other.
func asks_again_in_order() -> void:
	var world = away()
	again(world)
	come(world, [back("ccdd"), "c800" + "09000000" + "0000" + "05000000" + "01000000", ALL_TOLD])
	world.remove_interest(world.interests[0])
	# As if all other numbers had been in use.
	world._last_interest = 0xffff
	world.remove_interest(world.add_interest(5, [2]))
	var asked: Array = socket.sent.slice(socket.sent.size() - 3, socket.sent.size() - 1)
	lose(world, 1006)
	again(world)
	socket.sent = []
	heard = []
	come(world, [back("eeff"), "c800" + "09000000" + "0000" + "05000000" + "01000000", ALL_TOLD])
	expect(["resumed"], "nothing is done")
	expect_sent([HEARTBEAT] + asked, "all is asked again")
	world.free()


func owns_what_it_is_told() -> void:
	var world = away()
	again(world)
	var owned: Array = [owner_enters(world, 11, "416e6e"), owner_enters(world, 12, "426f62")]
	come(world, [back("ccdd"), "c800" + "09000000" + "0000" + "05000000" + "01000000"] + owned)
	come(world, [enters(world, 11, 1, "416e6e", 10), enters(world, 12, 1, "426f62", 10), ALL_TOLD])
	lose(world, 1006)
	again(world)
	heard = []
	# It leaves the client's sight meanwhile, and stays its own; the other is somebody else's by now.
	come(world, [back("eeff"), "c800" + "09000000" + "0000" + "05000000" + "01000000", "8400" + "0b000000", owned[0], enters(world, 12, 1, "426f62", 10), ALL_TOLD])
	expect(["object_left Avatar(11) False", "object_left Avatar(12) True", "resumed"], "what it owns")
	check([world.objects[11].is_owned, world.objects[12].is_visible], [true, true], "what it owns")
	world.free()


# The game may do what it likes when it is told something.
func is_closed_in_the_middle() -> void:
	var world = away()
	again(world)
	world.connect("interest_changed", self, "leaves", [world])
	come(world, [back("ccdd"), enters(world, 11, 1, "416e6e", 10), enters(world, 12, 1, "426f62", 10), ALL_TOLD])
	# Which of two listeners is told first is left to chance.
	heard.erase("interest_changed interest 0 5 [1] False")
	expect(["object_left Avatar(11) False", "object_left Avatar(12) False", "closed 1000 "], "it leaves")
	world.free()


func is_closed_at_the_end() -> void:
	for name in ["ejected", "object_left"]:
		var world = away()
		again(world)
		come(world, [back("ccdd")])
		world.connect(name, self, "leaves", [world])
		heard = []
		lose(world, 4160)
		heard.sort()
		expect(["closed 1000 ", "ejected 160 ", "object_left Avatar(11) False", "object_left Avatar(12) False"], name)
		check(world.state, world.State.CLOSED, name)
		world.free()


func leaves(_one, _other, world) -> void:
	world.leave()


func asks_nobody_unless_it_was_told_to() -> void:
	var world = client()
	socket.sent = []
	come(world, ["0200"])
	expect_sent([], "no token is asked for")
	heard = []
	lose(world, 1006)
	expect(["lost 1006  False"], "it does not come back")
	again(world)
	check(socket.sent[0].substr(4, 4), HELLO, "but begins anew")
	world.free()


# One that has a token, an interest and two objects, and has lost its socket.
func away():
	var world = client()
	world.resume = true
	come(world, ["0200"])
	check(socket.sent[socket.sent.size() - 1], framed("3601"), "it asks")
	come(world, ["3701" + "0200" + "aabb" + "60ea0000"])
	world.add_interest(5, [1])
	come(world, [enters(world, 11, 1, "416e6e", 10), enters(world, 12, 1, "426f62", 10), "cc00" + "01000000" + "0000"])
	heard = []
	lose(world, 1006)
	expect(["lost 1006  True"], "the connection is lost")
	return world


# The connection is lost, with what is there to be read.
func lose(world, code: int) -> void:
	socket.state = 3
	socket.code = code
	socket.reason = ""
	world._process(0.0)


# It connects again.
func again(world) -> void:
	world._due = 0
	socket.state = 1
	socket.sent = []
	world._process(0.0)


func framed(datagram: String) -> String:
	return u16(datagram.length() / 2) + datagram


func back(token: String) -> String:
	return "3901" + ("01" if token else "00") + u16(token.length() / 2) + token + "60ea0000"


func enters(world, do_id: int, zone: int, name: String, x: int) -> String:
	return "8e00" + u16(do_id) + "0000" + "05000000" + u16(zone) + "0000" + class_of(world, "Avatar") + u16(name.length() / 2) + name + u16(x) + "0000"


func owner_enters(world, do_id: int, name: String) -> String:
	return "ac00" + enters(world, do_id, 1, name, 10).substr(4) + "0500000000000000"
