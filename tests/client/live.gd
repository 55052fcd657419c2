# docs/client/donet.gd with a daemon at $DONET_URL: it is let in, logs in, sends to an object that there is not and is put out. Its
# socket is Godot 3's. Godot 3 runs it: see tests/client/godot.
extends SceneTree

const LIMIT_MS: int = 60000

var heard: Array = []
var socket: Socket = null
var world = null


# What WebSocketPeer is in Godot 4, made of Godot 3's WebSocketClient.
class Socket:
	var client: WebSocketClient = WebSocketClient.new()
	var protocol: String = ""
	var state: int = 0
	var code: int = 1006
	var reason: String = ""

	func _init() -> void:
		client.connect("connection_established", self, "opened")
		client.connect("connection_error", self, "ended", [false])
		client.connect("connection_closed", self, "ended")
		client.connect("server_close_request", self, "asked")

	func opened(with: String) -> void:
		protocol = with
		state = 1
		client.get_peer(1).set_write_mode(WebSocketPeer.WRITE_MODE_BINARY)

	func ended(_is_clean: bool) -> void:
		state = 3

	func asked(with: int, why: String) -> void:
		code = with
		reason = why

	func connect_to_url(url: String) -> int:
		return client.connect_to_url(url, PoolStringArray(["donet.frames"]))

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


func _init() -> void:
	world = load(OS.get_environment("DONET_VECTORS") + "/donet.gd").new()
	socket = Socket.new()
	world.set_meta("socket", socket)
	world.retry_first = 0.0
	world.heartbeat = 0.05
	world.connect("welcomed", self, "welcomed")
	world.connect("ejected", self, "ejected")
	world.connect("failed", self, "failed")
	world.connect("closed", self, "closed")
	var file = File.new()
	file.open(OS.get_environment("DONET_VECTORS") + "/world.json", File.READ)
	world.open(OS.get_environment("DONET_URL"), JSON.parse(file.get_as_text()).result, "v1")
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
