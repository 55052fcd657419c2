# docs/client/donet.gd with a daemon at the port $DONET_WEBSOCKET: it is let in, logs in, sends to an object that there is not and is put out. Its
# socket is Godot 3's. Godot 3 runs it: see tests/client/godot.
extends SceneTree

const Stage = preload("stage.gd")
const LIMIT_MS: int = 60000

var heard: Array = []
var socket = null
var world = null


func _init() -> void:
	world = load("res://donet.gd").new()
	socket = Stage.Socket.new()
	world.set_meta("socket", socket)
	world.retry_first = 0.0
	world.heartbeat = 0.05
	world.connect("welcomed", self, "welcomed")
	world.connect("ejected", self, "ejected")
	world.connect("failed", self, "failed")
	world.connect("closed", self, "closed")
	var file = File.new()
	file.open("res://world.json", File.READ)
	world.open("ws://127.0.0.1:%s/" % OS.get_environment("DONET_WEBSOCKET"), JSON.parse(file.get_as_text()).result, "v1")
	while world.state != world.State.CLOSED and OS.get_ticks_msec() < LIMIT_MS:
		world._process(0.0)
		OS.delay_msec(5)
	var expected: Array = ["welcomed", "ejected 117", "closed"]
	var is_right: bool = str(heard) == str(expected) and socket.protocol == "donet.frames"
	print("with a daemon: %s, %d failures" % [heard, 0 if is_right else 1])
	quit(0 if is_right else 1)


func welcomed() -> void:
	heard.append("welcomed")
	# An object that there is not.
	var nobody = world.declare(4000000, "LoginManager")
	world.send_update(world.declare(1001, "LoginManager"), "login", ["Ann"])
	world.send_update(nobody, "login", ["Ann"])


func ejected(code: int, _text: String) -> void:
	heard.append("ejected %d" % code)


func failed(text: String) -> void:
	heard.append("failed: " + text)


func closed(_code: int, _reason: String) -> void:
	heard.append("closed")
