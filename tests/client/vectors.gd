# Values against their bytes, with the schema of docs/client/donet_schema.gd. Godot 3 runs it: see tests/client/godot.
extends SceneTree

var failures: int = 0


func _init() -> void:
	var Schema = load("res://donet_schema.gd")
	var schema = Schema.new()
	check(schema.take(parse("res://dc.json")), true, "the export")
	var count: int = 0
	for vector in parse("res://vectors.json"):
		var path: PoolStringArray = vector["field"].split(".")
		var dclass: Dictionary = schema.dclass(path[0])
		var value = real(vector["value"])
		var bytes: PoolByteArray = schema.pack(dclass, path[1], value)
		check(bytes.hex_encode(), vector["hex"], "%s %s %s" % [vector["field"], vector["text"], schema.error])
		var back = schema.unpack(dclass["by_name"][path[1]], from_hex(vector["hex"]))
		check(same(back, value), true, "%s unpacked: %s %s" % [vector["field"], back, schema.error])
		count += 1
	refused(schema)
	print("%d vectors, %d failures" % [count, failures])
	quit(1 if failures > 0 else 0)


func refused(schema) -> void:
	for case in [
		["Numbers.u8", [256], "Numbers.u8: v: 256 is out of range"],
		["Numbers.u8", [-1], "Numbers.u8: v: -1 is out of range"],
		["Numbers.u8", [1.5], "Numbers.u8: v: 1.5 must be a whole number (uint8)"],
		["Numbers.u8", ["1"], "Numbers.u8: v: expected a number, not 1"],
		["Numbers.some", [7], "Numbers.some: v: 7 is out of range"],
		["Numbers.tenths", [5.1], "Numbers.tenths: v: 5.1 is out of range"],
		["Numbers.share", [1.01], "Numbers.share: v: 1.01 is out of range"],
		["Numbers.far", [9007199254740994], "Numbers.far: v: 9007199254740994 is out of range"],
		["Numbers.letter", ["ab"], "Numbers.letter: c: expected one character below U+0100, not ab"],
		["Bytes.short", ["12345"], "Bytes.short: s: 5 bytes are not allowed"],
		["Bytes.dice", [[7]], "Bytes.dice: b: 7 is out of range"],
		["Bytes.raw", [[256]], "Bytes.raw: b: expected a PoolByteArray or a list of bytes, not [256]"],
		["Rows.few", [[1, 2, 3]], "Rows.few: v: 3 elements are not allowed"],
		["Rows.items", [[{"kind": 1}]], "Rows.items: i[0]: wear is missing"],
		["Shapes.item", [{"kind": 1, "wear": 0, "ware": 0}], "Shapes.item: i: there are more values than its 2 parts"],
		["Shapes.pick", [{"v": 7}], "Shapes.pick: p: kind, the key, is missing"],
		["Shapes.item", [], "Shapes.item: expected a list of 1 values, not []"],
	]:
		var path: PoolStringArray = case[0].split(".")
		check(schema.pack(schema.dclass(path[0]), path[1], case[1]).size(), 0, case[0])
		check(schema.error, case[2], case[0])
	var text: Dictionary = schema.dclass("Bytes")["by_name"]["text"]
	for case in [["030061", "3 bytes are expected, and 1 are left"], ["0100616263", "2 bytes are left over"]]:
		check(schema.unpack(text, from_hex(case[0])), null, case[0])
		check(schema.error, case[1], case[0])


func check(found, expected, what: String) -> void:
	if typeof(found) != typeof(expected) or found != expected:
		failures += 1
		print("%s: found %s, expected %s" % [what, found, expected])


func parse(path: String):
	var file = File.new()
	file.open(path, File.READ)
	return JSON.parse(file.get_as_text()).result


func from_hex(text: String) -> PoolByteArray:
	var bytes: PoolByteArray = PoolByteArray()
	for i in range(0, text.length(), 2):
		bytes.append(("0x" + text.substr(i, 2)).hex_to_int())
	return bytes


# What JSON cannot say: large numbers, and bytes.
func real(value):
	if value is Dictionary and value.has("big"):
		var number: int = 0
		for digit in value["big"].trim_prefix("-"):
			number = number * 10 + int(digit)
		return -number if value["big"].begins_with("-") else number
	if value is Dictionary and value.has("bytes"):
		return from_hex(value["bytes"])
	if value is Array:
		var values: Array = []
		for each in value:
			values.append(real(each))
		return values
	if value is Dictionary:
		var parts: Dictionary = {}
		for key in value:
			parts[key] = real(value[key])
		return parts
	return value


func same(one, other) -> bool:
	if one is Array and other is Array and one.size() == other.size():
		for i in one.size():
			if not same(one[i], other[i]):
				return false
		return true
	if one is Dictionary and other is Dictionary and one.size() == other.size():
		for key in one:
			if not other.has(key) or not same(one[key], other[key]):
				return false
		return true
	if (one is int or one is float) and (other is int or other is float):
		return one == other
	return typeof(one) == typeof(other) and one == other
