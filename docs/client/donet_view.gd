class_name DonetView
extends Node
## What a client of donet sees: objects and interests, as the server tells of them. [DonetClient] is one, with a connection.
##
## It keeps them while the client is away, and finds out what differs when all is told anew.

## An object is in sight ([code]as_owner[/code] is false), or has become the client's own.
signal object_entered(object, as_owner)
## It is out of sight, or no longer the client's own.
signal object_left(object, as_owner)
## A field of an object has been updated, after the object's own signal.
signal object_updated(object, field, value)
## An object has moved, and is still in sight.
signal object_moved(object, parent, zone)
## Everything in an interest has entered, or, of one that was closed, has left.
signal interest_done(interest)
## A server has opened or closed an interest.
signal interest_changed(interest, is_open)
## A field of an object that was not declared has been updated.
signal unknown_updated(do_id, field, value)

## What is visible, owned or declared, by doId: each is a [DonetView.DistributedObject].
var objects: Dictionary = {}
## The open interests by their numbers.
var interests: Dictionary = {}
## The DC files.
var schema: DonetSchema = null

var _declared: Dictionary = {}
## What waits for a DONE, by context and interest.
var _pending: Dictionary = {}
## While all is told anew, what has not been yet.
var _doubt: Doubt = null


## An object as this client knows it.
class DistributedObject:
	## A field has been updated; of a method [code]value[/code] is the list of its arguments.
	signal updated(field, value)

	var do_id: int = 0
	var parent: int = 0
	var zone: int = 0
	## Whether it is in one of the client's interests, and whether it is the client's own.
	var is_visible: bool = false
	var is_owned: bool = false
	## The latest value of each field that we were told, by name.
	var fields: Dictionary = {}
	var _dclass: Dictionary = {}

	func _init(id: int, dclass: Dictionary) -> void:
		do_id = id
		_dclass = dclass

	## The name of its class.
	func get_dclass() -> String:
		return _dclass["name"]

	func _tell(field: String, value) -> void:
		updated.emit(field, value)


## Zones of a parent that the client sees.
class Interest:
	var id: int = 0
	var parent: int = 0
	var zones: Array = []

	func _init(number: int, of: int, its: Array) -> void:
		id = number
		parent = of
		zones = its

	## Whether it shows the same.
	func is_like(other: Interest) -> bool:
		return parent == other.parent and _has_all(other.zones, zones) and _has_all(zones, other.zones)

	func _has_all(some: Array, all: Array) -> bool:
		for zone in all:
			if not zone in some:
				return false
		return true


## What waits for a DONE: a request that may have to be sent again.
class Question:
	var interest: Interest = null
	var opens: bool = false
	var datagram: StreamPeerBuffer = null

	func _init(about: Interest, is_to_open: bool, sent: StreamPeerBuffer) -> void:
		interest = about
		opens = is_to_open
		datagram = sent


## What a client does not know that is back in its session, until it has been told all.
class Doubt:
	## What ties it to the objects that it had, by doId.
	var visible: Dictionary = {}
	var owned: Dictionary = {}
	## Which interests it had, and what it was waiting for.
	var interests: Array = []
	var pending: Dictionary = {}
	## Which interests the server says that it has, by number.
	var open: Dictionary = {}

	func _init(seen: Dictionary, opened: Dictionary, questions: Dictionary) -> void:
		for object in seen.values():
			if object.is_visible:
				visible[object.do_id] = true
			if object.is_owned:
				owned[object.do_id] = true
		interests = opened.values()
		pending = questions.duplicate()

	## No longer in doubt; whether it was.
	func settle(do_id: int, as_owner: bool) -> bool:
		return owned.erase(do_id) if as_owner else visible.erase(do_id)

	func is_pending(interest: int) -> bool:
		for question in pending.values():
			if question.interest.id == interest:
				return true
		return false


# --- Objects ---------------------------------------------------------------------------------------


func _object_enters(datagram: DonetSchema.Reader, has_other: bool, as_owner: bool) -> void:
	var do_id: int = datagram.u32()
	var parent: int = datagram.u32()
	var zone: int = datagram.u32()
	var dclass: Dictionary = schema.dclass_by_id(datagram.u16())
	if datagram.error or dclass.size() == 0:
		return
	var values: Array = _read_values(datagram, dclass, has_other, as_owner)
	if datagram.error or schema.error:
		return
	var object: DistributedObject = objects.get(do_id)
	var is_same: bool = object != null and object._dclass["id"] == dclass["id"]
	if _doubt != null and _doubt.settle(do_id, as_owner):
		if is_same:
			_object_is_told_again(object, parent, zone, values)
			return
		# Another object has its id.
		if object.is_visible:
			_object_leaves(do_id, false)
		if object.is_owned:
			_object_leaves(do_id, true)
	if not is_same:
		object = DistributedObject.new(do_id, dclass)
	object.parent = parent
	object.zone = zone
	if as_owner:
		object.is_owned = true
	else:
		object.is_visible = true
	for each in values:
		_store(object, each[0], each[1])
	objects[do_id] = object
	object_entered.emit(object, as_owner)


## The values in an entry: pairs of a field and its value.
func _read_values(datagram: DonetSchema.Reader, dclass: Dictionary, has_other: bool, as_owner: bool) -> Array:
	var values: Array = []
	for field in schema.shown_fields(dclass, as_owner):
		values.append([field, schema.unpack_from(datagram, field)])
	for _i in datagram.u16() if has_other else 0:
		var field: Dictionary = schema.field(datagram.u16())
		if datagram.error or field.size() == 0:
			break
		values.append([field, schema.unpack_from(datagram, field)])
	return values


## It is in sight as before: only what differs is news.
func _object_is_told_again(object: DistributedObject, parent: int, zone: int, values: Array) -> void:
	if object.parent != parent or object.zone != zone:
		_put(object, parent, zone)
	for each in values:
		# As bytes NaN is the same as NaN, and a struct as another with the same values.
		if var_to_bytes(object.fields.get(each[0]["name"])) != var_to_bytes(each[1]):
			_tell(object, each[0], each[1])


## Notes a value; of a molecular field those of its parts.
func _store(object: DistributedObject, field: Dictionary, value) -> void:
	if not field.has("parts"):
		object.fields[field["name"]] = value
		return
	var parts: Array = schema.parts_of(field)
	for i in parts.size():
		_store(object, parts[i], value[i])


func _update(do_id: int, datagram: DonetSchema.Reader, count: int) -> void:
	var object: DistributedObject = objects.get(do_id)
	for _i in count:
		var field: Dictionary = schema.field(datagram.u16())
		if datagram.error or field.size() == 0:
			return
		var value = schema.unpack_from(datagram, field)
		if datagram.error or schema.error:
			return
		if object != null:
			_tell(object, field, value)
		else:
			unknown_updated.emit(do_id, field["name"], value)


## A molecular field's parts are told of one by one, then itself.
func _tell(object: DistributedObject, field: Dictionary, value) -> void:
	var parts: Array = schema.parts_of(field)
	for i in parts.size():
		_tell(object, parts[i], value[i])
	_store(object, field, value)
	object._tell(field["name"], value)
	object_updated.emit(object, field["name"], value)


func _object_leaves(do_id: int, as_owner: bool) -> void:
	var object: DistributedObject = objects.get(do_id)
	if object == null:
		return
	if _doubt != null:
		_doubt.settle(do_id, as_owner)
	if as_owner:
		object.is_owned = false
	else:
		object.is_visible = false
	if not object.is_owned and not object.is_visible and not _declared.has(do_id):
		objects.erase(do_id)
	object_left.emit(object, as_owner)


func _object_moves(datagram: DonetSchema.Reader) -> void:
	var object: DistributedObject = objects.get(datagram.u32())
	var parent: int = datagram.u32()
	var zone: int = datagram.u32()
	if object != null and not datagram.error:
		_put(object, parent, zone)


func _put(object: DistributedObject, parent: int, zone: int) -> void:
	object.parent = parent
	object.zone = zone
	object_moved.emit(object, parent, zone)


# --- Interests -------------------------------------------------------------------------------------


## A server has opened an interest.
func _interest_opens(datagram: DonetSchema.Reader, has_count: bool) -> void:
	datagram.u32()
	var id: int = datagram.u16()
	var parent: int = datagram.u32()
	var zones: Array = []
	for _i in datagram.u16() if has_count else 1:
		zones.append(datagram.u32())
	if datagram.error:
		return
	var interest: Interest = Interest.new(id, parent, zones)
	if _doubt != null:
		_doubt.open[id] = true
		# What we have opened, or are closing, is no news.
		if _doubt.is_pending(id) or (interests.has(id) and interest.is_like(interests[id])):
			return
	interests[id] = interest
	interest_changed.emit(interest, true)


## A server has closed one.
func _interest_closes(datagram: DonetSchema.Reader) -> void:
	datagram.u32()
	var id: int = datagram.u16()
	if datagram.error:
		return
	var interest: Interest = interests.get(id)
	if interest == null:
		interest = Interest.new(id, 0, [])
	interests.erase(id)
	interest_changed.emit(interest, false)


## Servers' contexts are their own, and may be in use here: then not for the same interest.
func _interest_is_done(key: String) -> void:
	var question: Question = _pending.get(key)
	_pending.erase(key)
	if question != null:
		interest_done.emit(question.interest)


# --- The session -----------------------------------------------------------------------------------


## All is told anew: until it has been, we hold all that we know for doubtful.
func _begin_doubt() -> void:
	_doubt = Doubt.new(objects, interests, _pending)


## What we have not been told again is gone. Returned is what we have asked for and the server does not know: to be asked again.
func _end_doubt() -> Array:
	var doubt: Doubt = _doubt
	_doubt = null
	for do_id in doubt.visible:
		_object_leaves(do_id, false)
	for do_id in doubt.owned:
		_object_leaves(do_id, true)
	for key in doubt.pending.keys():
		if _pending.get(key) != doubt.pending[key]:
			doubt.pending.erase(key)
	for interest in doubt.interests:
		if doubt.is_pending(interest.id) or doubt.open.has(interest.id) or interests.get(interest.id) != interest:
			continue
		interests.erase(interest.id)
		interest_changed.emit(interest, false)
	var unknown: Array = []
	for key in doubt.pending:
		var question: Question = doubt.pending[key]
		if doubt.open.has(question.interest.id) == question.opens:
			_interest_is_done(key)
			continue
		unknown.append(question)
		if question.opens:
			doubt.open[question.interest.id] = true
		else:
			doubt.open.erase(question.interest.id)
	return unknown


## All that belonged to the session goes with it.
func _forget() -> void:
	_doubt = null
	interests.clear()
	_pending.clear()
	for object in objects.values():
		if object.is_visible:
			_object_leaves(object.do_id, false)
		if object.is_owned:
			_object_leaves(object.do_id, true)
