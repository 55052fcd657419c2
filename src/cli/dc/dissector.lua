local donet = Proto("donet", "donet: links of message directors")
local donet_client = Proto("donet_client", "donet: clients")

local f = {
  length = ProtoField.uint16("donet.length", "Length"),
  recipient = ProtoField.uint64("donet.recipient", "Recipient"),
  sender = ProtoField.uint64("donet.sender", "Sender"),
  number = ProtoField.uint16("donet.number", "Number"),
  message = ProtoField.string("donet.message", "Message"),
  doid = ProtoField.uint32("donet.doid", "doId"),
  parent = ProtoField.uint32("donet.parent", "Parent"),
  zone = ProtoField.uint32("donet.zone", "Zone"),
  class = ProtoField.string("donet.class", "Class"),
  field = ProtoField.string("donet.field", "Field"),
  value = ProtoField.string("donet.value", "Value"),
  context = ProtoField.uint32("donet.context", "Context"),
  channel = ProtoField.uint64("donet.channel", "Channel"),
  text = ProtoField.string("donet.text", "Text"),
  bytes = ProtoField.bytes("donet.bytes", "Bytes"),
  int = ProtoField.uint64("donet.int", "Number"),
}
donet.fields = {}
for _, field in pairs(f) do table.insert(donet.fields, field) end
local malformed = ProtoExpert.new("donet.malformed", "cannot be understood", expert.group.MALFORMED, expert.severity.WARN)
donet.experts = { malformed }

-- What is being read: `at` is how far, `field` and `class` are the last that were named, `said` the last flag.
local function open(tvb, at) return { tvb = tvb, at = at, said = false } end

local function left(r) return r.tvb:len() - r.at end

local function take(r, count)
  if count > left(r) then error("it ends early", 0) end
  local range = r.tvb(r.at, count)
  r.at = r.at + count
  return range
end

local function u16(r) return take(r, 2):le_uint() end

local function raw(range) return range:len() > 0 and range:bytes():raw() or "" end

local function quoted(text)
  return '"' .. text:gsub('[%c"\\\128-\255]', function(c)
    if c == '"' or c == "\\" then return "\\" .. c end
    return string.format("\\x%02x", c:byte())
  end) .. '"'
end

-- DC values as text.
local show

local function row(r, parts, open_with, close_with)
  local texts = {}
  for _, part in ipairs(parts) do table.insert(texts, show(r, part[2])) end
  return open_with .. table.concat(texts, ", ") .. close_with
end

show = function(r, layout)
  local kind = layout.k
  if kind == "u" or kind == "i" then
    local range = take(r, layout.n)
    local number
    if layout.n == 8 then
      number = kind == "u" and range:le_uint64() or range:le_int64()
    else
      number = kind == "u" and range:le_uint() or range:le_int()
    end
    if layout.d then return string.format("%g", tonumber(tostring(number)) / layout.d) end
    return tostring(number)
  elseif kind == "f" then
    return string.format("%.9g", take(r, layout.n):le_float())
  elseif kind == "c" then
    return quoted(raw(take(r, 1)))
  elseif kind == "s" or kind == "b" then
    local count = layout.fixed
    if not count then count = take(r, layout.n):le_uint() end
    if count == 0 then return kind == "s" and '""' or "<>" end
    local range = take(r, count)
    if kind == "s" then return quoted(raw(range)) end
    return "<" .. range:bytes():tohex(true) .. ">"
  elseif kind == "a" then
    local texts = {}
    if layout.fixed then
      for _ = 1, layout.fixed do table.insert(texts, show(r, layout.e)) end
    else
      local bytes = u16(r)
      local stop = r.at + bytes
      if bytes > left(r) then error("it ends early", 0) end
      while r.at < stop do
        local before = r.at
        table.insert(texts, show(r, layout.e))
        if r.at == before then break end
      end
      if r.at ~= stop then error("the length of an array does not fit its elements", 0) end
    end
    return "[" .. table.concat(texts, ", ") .. "]"
  elseif kind == "r" then
    return row(r, layout, "{", "}")
  elseif kind == "m" then
    return row(r, layout, "(", ")")
  elseif kind == "w" then
    local from = r.at
    local key = show(r, layout.key)
    local parts = layout.cases[raw(r.tvb(from, r.at - from))] or layout.default
    if not parts then error("no case of a switch", 0) end
    if #parts == 0 then return "{" .. key .. "}" end
    return row(r, parts, "{" .. key .. ", ", "}")
  end
  error("unknown type", 0)
end

local function value_of(r, field)
  if not field then error("unknown field", 0) end
  return show(r, field.l)
end

-- Shows something that has been read since `from`.
local function add(tree, r, from, item, value, name)
  local range = r.tvb(from, r.at - from)
  local added = tree:add(item, range, value)
  if name then added:prepend_text(name .. ": ") end
  return added
end

local function field_name(id)
  local field = FIELDS[id]
  return field and field.name or ("field " .. id)
end

local read

local function update(r, tree, values)
  local from = r.at
  local id = u16(r)
  r.field = FIELDS[id]
  add(tree, r, from, f.field, field_name(id))
  for _ = 1, values do
    local begin = r.at
    local text = value_of(r, r.field)
    add(tree, r, begin, f.value, text)
    r.summary = r.summary .. " " .. field_name(id) .. text
  end
end

local function field_values(r, tree, values)
  for _ = 1, u16(r) do update(r, tree, values) end
end

local function shown(field, which)
  if which == "all" then return true end
  if which == "nothing" then return false end
  if which == "broadcast" then return field.s == 2 end
  if which == "clients" then return field.s >= 1 and field.s <= 2 end
  return field.s >= 1
end

local function values(r, tree, which, other)
  local class = r.class
  if not class then error("unknown class", 0) end
  local required = class.required
  if which == "panda_all" then required, which = class.panda or required, "all" end
  if which == "panda_broadcast" then required, which = class.panda or required, "broadcast" end
  for _, id in ipairs(required) do
    local field = FIELDS[id]
    if shown(field, which) then
      local from = r.at
      local text = value_of(r, field)
      add(tree, r, from, f.value, text, field.name)
    end
  end
  if other == "yes" or (other == "said" and r.said) then field_values(r, tree, 1) end
end

local function class(r, tree)
  local from = r.at
  local id = u16(r)
  r.class = CLASSES[id]
  local name = r.class and r.class.name or ("class " .. id)
  add(tree, r, from, f.class, name)
  r.summary = r.summary .. " " .. name
end

local function number(r, tree, name, bytes, item)
  local from = r.at
  local range = take(r, bytes)
  tree:add_le(item, range):prepend_text(name .. ": ")
  return range
end

local datagram

local simple = {
  u8 = { 1, "int" }, u16 = { 2, "int" }, u32 = { 4, "int" }, u64 = { 8, "int" }, interest = { 2, "int" },
  context = { 4, "context" }, channel = { 8, "channel" }, zone = { 4, "zone" },
}

read = function(r, tree, name, shape)
  local kind = shape[1]
  local plain = simple[kind]
  if plain then
    number(r, tree, name, plain[1], f[plain[2]])
  elseif kind == "doid" then
    local range = number(r, tree, name, 4, f.doid)
    r.summary = r.summary .. " " .. range:le_uint()
  elseif kind == "bool" then
    local range = number(r, tree, name, 1, f.int)
    if range:uint() > 1 then error(range:uint() .. " where 0 or 1 was expected", 0) end
    r.said = range:uint() == 1
  elseif kind == "location" then
    number(r, tree, name .. " parent", 4, f.parent)
    number(r, tree, name .. " zone", 4, f.zone)
  elseif kind == "class" then
    class(r, tree)
  elseif kind == "field" then
    local from = r.at
    local id = u16(r)
    r.field = FIELDS[id]
    add(tree, r, from, f.field, field_name(id))
    r.summary = r.summary .. " " .. field_name(id)
  elseif kind == "blob" or kind == "secret" then
    local from = r.at
    local count = u16(r)
    local text = raw(count > 0 and take(r, count) or r.tvb(from, 0))
    add(tree, r, from, f.text, text, name)
  elseif kind == "datagram" or kind == "client_datagram" then
    local count = u16(r)
    if count > 0 then
      local range = take(r, count)
      local inner = tree:add(donet, range, name)
      datagram(range:tvb(), 0, inner, kind == "client_datagram")
    end
  elseif kind == "value" then
    local from = r.at
    local text = value_of(r, r.field)
    add(tree, r, from, f.value, text)
    r.summary = r.summary .. text
  elseif kind == "old_and_new" then
    for _ = 1, 2 do
      local from = r.at
      local text = value_of(r, r.field)
      add(tree, r, from, f.value, text)
    end
  elseif kind == "field_values" then
    field_values(r, tree, 1)
  elseif kind == "field_pairs" then
    field_values(r, tree, 2)
  elseif kind == "object" then
    local range = number(r, tree, "do_id", 4, f.doid)
    r.summary = r.summary .. " " .. range:le_uint()
    number(r, tree, "parent", 4, f.parent)
    number(r, tree, "zone", 4, f.zone)
    class(r, tree)
    values(r, tree, shape[2], shape[3])
  elseif kind == "values" then
    values(r, tree, shape[2], shape[3])
  elseif kind == "list" then
    for _ = 1, u16(r) do read(r, tree, name, shape[2]) end
  elseif kind == "run" then
    while left(r) > 0 do read(r, tree, name, shape[2]) end
  elseif kind == "option" then
    local is_there = take(r, 1):uint()
    if is_there > 1 then error(is_there .. " where 0 or 1 was expected", 0) end
    if is_there == 1 then read(r, tree, name, shape[2]) end
  elseif kind == "unless_empty" then
    if left(r) > 0 then read(r, tree, name, shape[2]) end
  elseif kind == "record" then
    for _, part in ipairs(shape[2]) do read(r, tree, part[1], part[2]) end
  elseif left(r) > 0 then
    add(tree, r, r.at, f.bytes, take(r, left(r)):bytes(), name)
  end
end

local function body(r, tree, message)
  tree:add(f.message, r.tvb(r.at - 2, 2), message.name)
  for _, argument in ipairs(message.arguments) do read(r, tree, argument[1], argument[2]) end
  if left(r) > 0 then error("bytes follow the message", 0) end
end

-- Shows a datagram without its length; a line about it.
datagram = function(tvb, at, tree, is_of_client)
  local r = open(tvb, at)
  r.summary = ""
  local name = "?"
  local is_read, why = pcall(function()
    local is_control = false
    if not is_of_client then
      local recipients = take(r, 1):uint()
      for index = 1, recipients do
        local range = take(r, 8)
        tree:add_le(f.recipient, range)
        is_control = recipients == 1 and tostring(range:le_uint64()) == "1"
      end
      if not is_control then tree:add_le(f.sender, take(r, 8)) end
    end
    local range = take(r, 2)
    local number = range:le_uint()
    tree:add_le(f.number, range)
    local messages = is_of_client and CLIENT or SERVERS
    local message = messages[number] or (is_of_client and (PANDA3D[number] or OTP[number]))
    name = message and message.name or ("message " .. number)
    if not message then error("unknown message", 0) end
    body(r, tree, message)
  end)
  if not is_read then
    local from = math.min(r.at, tvb:len())
    local rest = tvb:len() > from and tvb(from) or tvb()
    tree:add(f.bytes, rest):add_proto_expert_info(malformed, tostring(why))
    r.summary = r.summary .. " (" .. tostring(why) .. ")"
  end
  tree:append_text(", " .. name .. r.summary)
  return name .. r.summary
end

local function length_of(tvb, pinfo, offset) return 2 + tvb(offset, 2):le_uint() end

local function dissector(proto, is_of_client)
  local lines = {}
  local function one(tvb, pinfo, tree)
    local whole = tree:add(proto, tvb())
    whole:add_le(f.length, tvb(0, 2))
    local line
    if tvb:len() > 2 then
      line = datagram(tvb(2):tvb(), 0, whole, is_of_client)
    else
      line = "empty"
    end
    table.insert(lines, line)
    return tvb:len()
  end
  return function(tvb, pinfo, tree)
    pinfo.cols.protocol = "donet"
    lines = {}
    dissect_tcp_pdus(tvb, tree, 2, length_of, one)
    if #lines > 0 then pinfo.cols.info = table.concat(lines, "; ") end
  end
end

donet.dissector = dissector(donet, false)
donet_client.dissector = dissector(donet_client, true)
local ports = DissectorTable.get("tcp.port")
ports:add(7199, donet)
ports:add(7198, donet_client)
