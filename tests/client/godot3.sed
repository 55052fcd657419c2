# Makes of docs/client/*.gd, which are for Godot 4, what Godot 3 reads. Names that have changed, and how signals are emitted; the
# one function that makes a WebSocketPeer is left out, and a test gives the client another one.
/^class_name /d
s/^extends Node/&\nconst DonetSchema = preload("donet_schema.gd")/
s/^extends DonetView/extends "donet_view.gd"/
s/\bsuper\._/._/
s/\bvar_to_bytes(/var2bytes(/g
s/\bRefCounted\b/Reference/g
s/\bPackedByteArray\b/PoolByteArray/g
s/\bto_utf8_buffer()/to_utf8()/g
s/\bunicode_at(/ord_at(/g
s/\bTime\.get_ticks_msec/OS.get_ticks_msec/g
/^func _new_socket/,/^	return socket/c func _new_socket():\n\treturn get_meta("socket")
s/_socket: WebSocketPeer/_socket/
s/WebSocketPeer\.STATE_OPEN/1/
s/WebSocketPeer\.STATE_CLOSED/3/
s/\b\([a-z_]*\)\.emit()/emit_signal("\1")/g
s/\b\([a-z_]*\)\.emit(/emit_signal("\1", /g
