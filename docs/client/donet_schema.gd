class_name DonetSchema
extends RefCounted
## The DC files of a game, and values packed and unpacked along their types.
##
## It knows them as `donet dc show --format json` exports them. A mistake is no crash: it is said in [member error], and
## what was asked for is empty or `null` then. docs/client/README.md says how values look.

## The bits of whole numbers by their kinds; those that have a sign are negative.
const _BITS: Dictionary = {
	"int8": -8, "int16": -16, "int32": -32, "int64": -64,
	"uint8": 8, "uint16": 16, "uint32": 32, "uint64": 64, "char": 8,
}
const _MESSAGE_BYTES_MAX: int = 0xffff
## Beyond this a float does not hold every whole number.
const _EXACT_MAX: float = 9007199254740992.0
const _TOP_BIT: int = 1 << 63

## What is wrong with the last value that was packed or unpacked, or with the export; empty if nothing is.
var error: String = ""
## What a client names in its hello.
var dc_hash: int = 0

var _entries: Array = []
var _fields: Array = []
var _classes: Dictionary = {}


## Takes an export; whether it is one. [param dc] is what `JSON.parse_string` makes of it.
func take(dc: Dictionary) -> bool:
	error = ""
	if int(dc.get("format", 0)) != 1:
		return _fail("the DC files must be an export of format 1; this one has %s" % [dc.get("format")])
	dc_hash = int(dc["hash"])
	_entries = dc["classes"]
	_fields = dc["fields"]
	_classes = {}
	for entry in _entries:
		if not entry["struct"]:
			_classes[entry["name"]] = _dclass(entry)
	return true


## A class by its name: a dictionary with `id`, `name`, `fields` (a list) and `by_name`. Empty if there is none.
func dclass(name: String) -> Dictionary:
	if not _classes.has(name):
		_fail("there is no class %s in the DC export" % name)
		return {}
	return _classes[name]


## The same, by its id.
func dclass_by_id(id: int) -> Dictionary:
	if id >= _entries.size():
		_fail("there is no class %d in the DC export" % id)
		return {}
	return dclass(_entries[id]["name"])


## A field by its id. Empty if there is none.
func field(id: int) -> Dictionary:
	if id < 0 or id >= _fields.size():
		_fail("there is no field %d in the DC export" % id)
		return {}
	return _fields[id]


## The parts of a molecular field; none of any other.
func parts_of(of: Dictionary) -> Array:
	var parts: Array = []
	for id in of.get("parts", []):
		parts.append(field(int(id)))
	return parts


## The required fields that stand in an object's entry, in their order.
func shown_fields(of: Dictionary, owner: bool) -> Array:
	var shown: Array = []
	for each in of["fields"]:
		var words: Array = each["keywords"]
		var is_heard: bool = "broadcast" in words or "clrecv" in words or (owner and "ownrecv" in words)
		if not each.has("parts") and "required" in words and is_heard:
			shown.append(each)
	return shown


## Packs a value for the field of this name. Nothing but an empty list of bytes comes of a mistake: see [member error].
func pack(of: Dictionary, name: String, value) -> PackedByteArray:
	error = ""
	if not of["by_name"].has(name):
		_fail("%s.%s: the class has no such field" % [of["name"], name])
		return PackedByteArray()
	var out: StreamPeerBuffer = StreamPeerBuffer.new()
	_pack_field(out, of["by_name"][name], value, "%s.%s" % [of["name"], name])
	return PackedByteArray() if error else out.data_array


## Unpacks a value that fills the bytes; `null` if there is a mistake in them.
func unpack(of: Dictionary, bytes: PackedByteArray):
	error = ""
	var reader: Reader = Reader.new(bytes)
	var value = unpack_from(reader, of)
	reader.finish()
	if reader.error:
		_fail(reader.error)
	return null if error else value


## Unpacks a field's value where a reader is. The reader says if something was missing.
func unpack_from(reader: Reader, of: Dictionary):
	if of.has("type"):
		return _unpack_value(reader, of["type"])
	var values: Array = []
	for part in of["params"] if of.has("params") else parts_of(of):
		values.append(unpack_from(reader, part))
	return values


## Reads little-endian values. After a mistake it says so in [member error], and everything is 0.
class Reader:
	var error: String = ""
	var _bytes: StreamPeerBuffer = StreamPeerBuffer.new()

	func _init(bytes: PackedByteArray) -> void:
		_bytes.data_array = bytes

	## How many bytes are left.
	func left() -> int:
		return _bytes.get_size() - _bytes.get_position()

	## Whether there are so many more.
	func has(count: int) -> bool:
		if not error and count > left():
			error = "%d bytes are expected, and %d are left" % [count, left()]
		return not error

	func u8() -> int:
		return _bytes.get_u8() if has(1) else 0

	func u16() -> int:
		return _bytes.get_u16() if has(2) else 0

	func u32() -> int:
		return _bytes.get_u32() if has(4) else 0

	func take(count: int) -> PackedByteArray:
		if not has(count) or count == 0:
			return PackedByteArray()
		return _bytes.get_data(count)[1]

	## Says it if bytes are left over.
	func finish() -> void:
		if not error and left() > 0:
			error = "%d bytes are left over" % left()


func _fail(text: String) -> bool:
	if not error:
		error = text
	return false


func _dclass(entry: Dictionary) -> Dictionary:
	var fields: Array = []
	var by_name: Dictionary = {}
	for id in entry["fields"]:
		var each: Dictionary = field(int(id))
		fields.append(each)
		by_name[each["name"]] = each
	return {"id": int(entry["id"]), "name": entry["name"], "fields": fields, "by_name": by_name}


func _struct_parts(type: Dictionary) -> Array:
	if type.has("fields"):
		return type["fields"]
	var parts: Array = []
	for id in _entries[int(type["struct"])]["fields"]:
		if not field(int(id)).has("parts"):
			parts.append(field(int(id)))
	return parts


# --- Packing ---------------------------------------------------------------------------------------


func _pack_field(out: StreamPeerBuffer, of: Dictionary, value, where: String) -> void:
	if of.has("type"):
		_pack_value(out, of["type"], value, where)
		return
	var parts: Array = of["params"] if of.has("params") else parts_of(of)
	if not value is Array or value.size() != parts.size():
		_fail("%s: expected a list of %d values, not %s" % [where, parts.size(), value])
		return
	for i in parts.size():
		_pack_field(out, parts[i], value[i], "%s: %s" % [where, _name_of(parts[i], i)])


func _pack_value(out: StreamPeerBuffer, type: Dictionary, value, where: String) -> void:
	match type["kind"]:
		"string", "blob":
			_pack_bytes(out, type, value, where)
		"array":
			_pack_array(out, type, value, where)
		"struct":
			_pack_parts(out, _struct_parts(type), 0, value, where)
		"switch":
			_pack_switch(out, type, value, where)
		"float32", "float64":
			_pack_float(out, type, value, where)
		_:
			_pack_integer(out, type, value, where)


func _pack_float(out: StreamPeerBuffer, type: Dictionary, value, where: String) -> void:
	if not (value is int or value is float):
		_fail("%s: expected a number, not %s" % [where, value])
		return
	var packed: float = _wrap(float(value) * float(type.get("divisor", 1)), type)
	var is_allowed: bool = not type.has("limits")
	for limit in type.get("limits", []):
		is_allowed = is_allowed or (float(limit[0]) <= packed and packed <= float(limit[1]))
	if not is_allowed:
		_fail("%s: %s is out of range" % [where, value])
	elif type["kind"] == "float32":
		out.put_float(packed)
	else:
		out.put_double(packed)


func _pack_integer(out: StreamPeerBuffer, type: Dictionary, value, where: String) -> void:
	if not _BITS.has(type["kind"]):
		_fail("the DC export has a type of the kind %s, which this client does not know" % type["kind"])
		return
	if type["kind"] == "char":
		if not value is String or value.length() != 1 or value.unicode_at(0) > 255:
			_fail("%s: expected one character below U+0100, not %s" % [where, value])
			return
		value = value.unicode_at(0)
	var packed: int = _integer(type, value, where)
	if error or not _check_limits(type, packed, value, where):
		return
	match int(abs(_BITS[type["kind"]])):
		8:
			out.put_u8(packed & 0xff)
		16:
			out.put_u16(packed & 0xffff)
		32:
			out.put_u32(packed & 0xffffffff)
		_:
			out.put_64(packed)


## The packed integer of a real value: times the divisor, within the modulus, rounded half up.
func _integer(type: Dictionary, value, where: String) -> int:
	var divisor: int = int(type.get("divisor", 1))
	if value is int:
		var scaled: int = value * divisor
		if scaled / divisor != value:
			_out_of_range(where, value)
			return 0
		var modulus: int = int(floor(float(type.get("modulus", 0)) * divisor + 0.5))
		return ((scaled % modulus) + modulus) % modulus if modulus > 0 else scaled
	if not value is float:
		_fail("%s: expected a number, not %s" % [where, value])
	elif is_nan(value) or is_inf(value):
		_fail("%s: %s is no finite number" % [where, value])
	elif divisor == 1 and value != floor(value):
		_fail("%s: %s must be a whole number (%s)" % [where, value, type["kind"]])
	elif abs(_wrap(value * divisor, type)) > _EXACT_MAX:
		_fail("%s: %s is more than a float holds exactly; use an int" % [where, value])
	elif type["kind"] == "uint64" and value < 0.0:
		_out_of_range(where, value)
	else:
		return int(floor(_wrap(value * divisor, type) + 0.5))
	return 0


func _wrap(scaled: float, type: Dictionary) -> float:
	var modulus: float = float(type.get("modulus", 0)) * float(type.get("divisor", 1))
	return fposmod(scaled, modulus) if modulus > 0.0 else scaled


func _check_limits(type: Dictionary, packed: int, value, where: String) -> bool:
	var bits: int = int(_BITS.get(type["kind"], 8))
	if abs(bits) < 64:
		var least: int = -(1 << (-bits - 1)) if bits < 0 else 0
		var most: int = least + (1 << int(abs(bits))) - 1
		if packed < least or packed > most:
			return _out_of_range(where, value)
	if not type.has("limits"):
		return true
	# As a whole number without sign, 1 << 63 and above are what is less than 0 here.
	var flip: int = _TOP_BIT if bits == 64 else 0
	for limit in type["limits"]:
		if (_limit(limit[0]) ^ flip) <= (packed ^ flip) and (packed ^ flip) <= (_limit(limit[1]) ^ flip):
			return true
	return _out_of_range(where, value)


func _out_of_range(where: String, value) -> bool:
	return _fail("%s: %s is out of range" % [where, value])


## A packed number of the export, which is a text where a float would not hold it.
func _limit(limit) -> int:
	if not limit is String:
		return int(limit)
	var value: int = 0
	for i in limit.length():
		if limit[i] != "-":
			value = value * 10 + int(limit[i])
	return -value if limit.begins_with("-") else value


func _pack_bytes(out: StreamPeerBuffer, type: Dictionary, value, where: String) -> void:
	var bytes: PackedByteArray = PackedByteArray()
	if type["kind"] == "string":
		if not value is String:
			_fail("%s: expected a text, not %s" % [where, value])
			return
		bytes = value.to_utf8_buffer()
	elif value is PackedByteArray:
		bytes = value
	elif value is Array and _are_bytes(value):
		bytes = PackedByteArray(value)
	else:
		_fail("%s: expected a PackedByteArray or a list of bytes, not %s" % [where, value])
		return
	_check_count(type, bytes.size(), "bytes", where)
	if type.has("limits"):
		for byte in bytes:
			_check_limits(type, byte, byte, where)
	_put_tagged(out, type, bytes, where)


func _are_bytes(values: Array) -> bool:
	for each in values:
		if not (each is int or each is float) or each < 0 or each > 255:
			return false
	return true


func _check_count(type: Dictionary, count: int, what: String, where: String) -> void:
	for each in type.get("counts", []):
		if int(each[0]) <= count and count <= int(each[1]):
			return
	if type.has("counts"):
		_fail("%s: %d %s are not allowed" % [where, count, what])


func _put_tagged(out: StreamPeerBuffer, type: Dictionary, bytes: PackedByteArray, where: String) -> void:
	if bytes.size() > _MESSAGE_BYTES_MAX:
		_fail("%s: %d bytes are more than a message holds" % [where, bytes.size()])
		return
	match int(type.get("tag", 0)):
		2:
			out.put_u16(bytes.size())
		4:
			out.put_u32(bytes.size())
	if bytes.size() > 0:
		out.put_data(bytes)


func _pack_array(out: StreamPeerBuffer, type: Dictionary, value, where: String) -> void:
	if not value is Array:
		_fail("%s: expected a list, not %s" % [where, value])
		return
	var content: StreamPeerBuffer = StreamPeerBuffer.new()
	for i in value.size():
		_pack_value(content, type["element"], value[i], "%s[%d]" % [where, i])
	if int(type.get("tag", 0)) > 0 and value.size() > 0 and content.get_size() == 0:
		_fail("%s: elements without bytes get lost; the list must be empty" % where)
	_check_count(type, value.size(), "elements", where)
	_put_tagged(out, type, content.data_array, where)


## The parts of a struct: a dictionary, where a part without a name goes by its position, or a list.
func _pack_parts(out: StreamPeerBuffer, parts: Array, first: int, value, where: String) -> void:
	if not (value is Array or value is Dictionary):
		_fail("%s: expected a dictionary, not %s" % [where, value])
		return
	if value.size() > first + parts.size():
		_fail("%s: there are more values than its %d parts" % [where, first + parts.size()])
		return
	for i in parts.size():
		var name: String = _name_of(parts[i], first + i)
		var key = first + i if value is Array else name
		if not (key < value.size() if value is Array else value.has(key)):
			_fail("%s: %s is missing" % [where, name])
			return
		_pack_field(out, parts[i], value[key], "%s.%s" % [where, name])


func _name_of(part: Dictionary, position: int) -> String:
	return part["name"] if part["name"] else str(position)


## A switch is like a struct that begins with its key.
func _pack_switch(out: StreamPeerBuffer, type: Dictionary, value, where: String) -> void:
	var key: StreamPeerBuffer = StreamPeerBuffer.new()
	if not (value is Array or value is Dictionary) or value.size() == 0:
		_fail("%s: %s, the key, is missing" % [where, _name_of(type["key"], 0)])
		return
	var name: String = _name_of(type["key"], 0)
	if value is Dictionary and not value.has(name):
		_fail("%s: %s, the key, is missing" % [where, name])
		return
	_pack_field(key, type["key"], value[0] if value is Array else value[name], "%s.%s" % [where, name])
	if error:
		return
	var parts = _case_of(type, key.data_array)
	if parts == null:
		_fail("%s: there is no case for its key" % where)
		return
	out.put_data(key.data_array)
	_pack_parts(out, parts, 1, value, where)


## The parts of the case that a packed key has, or `null`.
func _case_of(type: Dictionary, key: PackedByteArray):
	var text: String = key.hex_encode()
	var found = type.get("default")
	for each in type.get("cases", []):
		if each[0] == text:
			found = [each[1], each[2]]
			break
	if found == null:
		return null
	var parts: Array = []
	for i in range(int(found[0]), int(found[1])):
		parts.append(type["fields"][i])
	return parts


# --- Unpacking -------------------------------------------------------------------------------------


func _unpack_value(reader: Reader, type: Dictionary):
	match type["kind"]:
		"string":
			return _unpack_text(reader, type)
		"blob":
			return reader.take(_length(reader, type))
		"array":
			return _unpack_array(reader, type)
		"struct":
			return _unpack_parts(reader, _struct_parts(type), 0, {})
		"switch":
			return _unpack_switch(reader, type)
		_:
			return _unpack_number(reader, type)


## The length that stands here, or the only one there is: in bytes, or of an array in elements.
func _length(reader: Reader, type: Dictionary) -> int:
	match int(type.get("tag", 0)):
		2:
			return reader.u16()
		4:
			return reader.u32()
	return int(type["counts"][0][0]) if type.has("counts") else 0


func _unpack_text(reader: Reader, type: Dictionary) -> String:
	var bytes: PackedByteArray = reader.take(_length(reader, type))
	if bytes.size() == 0:
		return ""
	var text: String = bytes.get_string_from_utf8()
	# Godot leaves out a byte order mark, which is a character like others.
	if bytes.size() >= 3 and bytes[0] == 0xef and bytes[1] == 0xbb and bytes[2] == 0xbf:
		if not text.begins_with(char(0xfeff)):
			text = char(0xfeff) + text
	if text.to_utf8_buffer() != bytes and not reader.error:
		reader.error = "a text is not UTF-8, or has a NUL in it"
	return text


func _unpack_array(reader: Reader, type: Dictionary) -> Array:
	var values: Array = []
	var length: int = _length(reader, type)
	if int(type.get("tag", 0)) == 0:
		for _i in length:
			values.append(_unpack_value(reader, type["element"]))
		return values
	var inner: Reader = Reader.new(reader.take(length))
	while inner.left() > 0 and not inner.error:
		var before: int = inner.left()
		values.append(_unpack_value(inner, type["element"]))
		if inner.left() == before and not inner.error:
			inner.error = "%d bytes for elements that have none" % before
	if not reader.error:
		reader.error = inner.error
	return values


func _unpack_parts(reader: Reader, parts: Array, first: int, value: Dictionary) -> Dictionary:
	for i in parts.size():
		value[_name_of(parts[i], first + i)] = unpack_from(reader, parts[i])
	return value


func _unpack_switch(reader: Reader, type: Dictionary) -> Dictionary:
	var value: Dictionary = _unpack_parts(reader, [type["key"]], 0, {})
	var key: StreamPeerBuffer = StreamPeerBuffer.new()
	_pack_field(key, type["key"], value[_name_of(type["key"], 0)], "the key of a switch")
	var parts = _case_of(type, key.data_array)
	if parts == null:
		if not reader.error:
			reader.error = "a switch has no case for its key"
		return value
	return _unpack_parts(reader, parts, 1, value)


func _unpack_number(reader: Reader, type: Dictionary):
	var kind: String = type["kind"]
	if kind == "float32" or kind == "float64":
		var bytes: int = 4 if kind == "float32" else 8
		if not reader.has(bytes):
			return 0.0
		var real: float = reader._bytes.get_float() if bytes == 4 else reader._bytes.get_double()
		return real / float(type["divisor"]) if type.has("divisor") else real
	if not _BITS.has(kind):
		_fail("the DC export has a type of the kind %s, which this client does not know" % kind)
		return null
	var bits: int = _BITS[kind]
	if not reader.has(int(abs(bits)) / 8):
		return 0
	var packed: int = 0
	match bits:
		8:
			packed = reader._bytes.get_u8()
		16:
			packed = reader._bytes.get_u16()
		32:
			packed = reader._bytes.get_u32()
		-8:
			packed = reader._bytes.get_8()
		-16:
			packed = reader._bytes.get_16()
		-32:
			packed = reader._bytes.get_32()
		_:
			packed = reader._bytes.get_64()
	if kind == "char":
		return char(packed)
	return float(packed) / float(type["divisor"]) if type.has("divisor") else packed
