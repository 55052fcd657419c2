# docs/client/donet.gd with a daemon loses its connection, and comes back. Its socket is Godot 3's, and a proxy lies between, at
# $DONET_PROXY, that can be cut. Godot 3 runs it: see tests/client/godot.
extends "fake.gd"

const Stage = preload("stage.gd")
const LIMIT_MS: int = 60000

var ai = null
var proxy = null
var worlds: Array = []


func _init() -> void:
	var schema = load("res://donet_schema.gd").new()
	schema.take(parse("world.json"))
	ai = Stage.Ai.new(schema, int(OS.get_environment("DONET_MESSAGES")))
	proxy = Stage.Proxy.new(int(OS.get_environment("DONET_PROXY")), int(OS.get_environment("DONET_WEBSOCKET")))
	goes_on()
	does_not_go_on_with_a_forged_token()
	print("away from a daemon, %d failures" % failures)
	quit(1 if failures > 0 else 0)


func goes_on() -> void:
	var world = player("Ann")
	ai.create_avatar(6001, 1, "Ann")
	ai.create_avatar(6002, 1, "Bob")
	ai.create_avatar(6003, 1, "Cid")
	ai.own(6001, "Ann")
	var interest = world.add_interest(ai.ROOM, [1])
	until("sees", [world, [1001, 6001, 6002, 6003]])
	until("owns", [world, 6001])
	var objects: Array = [world.objects.get(6001), world.objects.get(6002)]
	heard = []
	proxy.is_held = true
	proxy.cut()
	until("is_lost", [world])
	ai.set_mood(6002, "glad")
	ai.delete(6003)
	ai.create_avatar(6004, 1, "Dot")
	ai.settle()
	until("is_settled", [])
	proxy.is_held = false
	until("has_heard", ["resumed"])
	var last: String = heard.pop_back() if heard.size() > 0 else ""
	heard.sort()
	expect(["lost 1006  True", "object_entered Avatar(6004) False", "object_left Avatar(6003) False", "object_updated Avatar(6002) setMood [glad]"], "what differs")
	check(last, "resumed", "the end of it")
	check([world.objects.get(6001), world.objects.get(6002)] == objects, true, "the same objects")
	check([world.objects[6001].is_owned, world.interests.values() == [interest]], [true, true], "what it owns, and its interest")
	world.send_update(world.objects[6001], "walk", [0.5, 0])
	until("was_received", ["6001 walk[0.5, 0]"])
	loses_the_answer(world)
	world.leave()
	world.free()


# The server has given it another token, and nobody heard of it.
func loses_the_answer(world) -> void:
	var token: PoolByteArray = world.token
	proxy.cut()
	until("has_asked", [world])
	proxy.is_mute = true
	until("was_lost", [])
	proxy.cut()
	proxy.is_mute = false
	check(world.token.hex_encode(), token.hex_encode(), "the token is the same")
	heard = []
	until("has_heard", ["resumed"])
	expect(["lost 1006  True", "resumed"], "it is back")
	check(world.token == token, false, "the next token has come")


func does_not_go_on_with_a_forged_token() -> void:
	var world = player("Eve", "10".repeat(32))
	until("has_heard", ["welcomed"])
	expect(["resume_failed", "welcomed"], "a forged token")
	world.leave()
	world.free()


# One who is let in, and has a token; or says one that was given to nobody.
func player(name: String, token: String = ""):
	var world = client(Stage.Socket.new(), "ws://127.0.0.1:%s/" % OS.get_environment("DONET_PROXY"))
	worlds = [world]
	world.resume = true
	world.retry_first = 0.02
	world.retry_most = 0.1
	if token:
		world.token = from_hex(token)
		return world
	until("has_heard", ["welcomed"])
	world.send_update(world.declare(1001, "LoginManager"), "login", [name])
	until("has_token", [world])
	return world


func until(condition: String, of: Array) -> void:
	while not callv(condition, of):
		if OS.get_ticks_msec() > LIMIT_MS:
			failures += 1
			print("%s %s: never; heard %s" % [condition, of, heard])
			return
		OS.delay_msec(1)
		proxy.poll()
		ai.poll()
		for world in worlds:
			world._process(0.0)


func has_heard(what: String) -> bool:
	return what in heard


func has_token(world) -> bool:
	return world.token.size() > 0 and world.state == world.State.READY


func has_asked(world) -> bool:
	return world.state == world.State.HELLO


func is_lost(world) -> bool:
	return world.state != world.State.READY


func sees(world, ids: Array) -> bool:
	return world.objects.has_all(ids)


func owns(world, id: int) -> bool:
	return world.objects.has(id) and world.objects[id].is_owned


func is_settled() -> bool:
	return ai.is_settled


func was_received(what: String) -> bool:
	return what in ai.received


func was_lost() -> bool:
	return proxy.lost > 0
