-- What a script sees of Lua's own libraries. What could run for long without being counted is counted here, or charged for its
-- length before it runs; what reaches out of the script is not there.
local native, donet = ...

local error, getmetatable, next, pcall, rawequal, rawget, rawset, select, setmetatable, tonumber, tostring, type =
  error, getmetatable, next, pcall, rawequal, rawget, rawset, select, setmetatable, tonumber, tostring, type
local charge, weigh, integer, size, range = native.charge, native.weigh, native.integer, native.size, native.range
local string, table, math, utf8 = string, table, math, utf8

-- Longer texts are paid for.
local SHORT = 100

local function copy(from)
  local to = {}
  for key, value in next, from do to[key] = value end
  return to
end

-- Errors: what has ended a call is passed on, whoever tries to catch it.
local function caught(ok, ...)
  if ok then return true, ... end
  return false, native.caught((...))
end

local function protected(f, ...)
  return caught(pcall(f, ...))
end

local function handled(handler, ok, ...)
  if ok then return true, ... end
  return false, select(2, protected(handler, (...)))
end

-- A function whose work grows with its first argument, a text.
local function of_text(f)
  return function(text, ...)
    if type(text) == "string" and #text > SHORT then weigh(text) end
    return f(text, ...)
  end
end

-- A function whose work grows with all its arguments: a text that stands for a number is read to its end.
local function of_all(f)
  return function(...)
    native.weigh_all(...)
    return f(...)
  end
end

-- A function whose work grows with all its arguments, and with what a format asks for.
local function of_format(f)
  return function(...)
    native.weigh_format(...)
    return f(...)
  end
end

-- How many bytes there are from one place of a text to another.
local function span(text, first, last)
  local from, to, length = integer(first) or 1, integer(last) or 0, #text
  if from < 0 then from = from + length + 1 end
  if to < 0 then to = to + length + 1 end
  return math.min(to, length) - math.max(from, 1)
end

local strings = copy(string)
strings.dump = nil
for _, name in next, { "lower", "reverse", "upper" } do strings[name] = of_text(string[name]) end
for _, name in next, { "format", "pack", "packsize" } do strings[name] = of_format(string[name]) end
strings.char = of_all(string.char)
strings.find, strings.match, strings.gsub = native.find, native.match, native.gsub

function strings.gmatch(text, pattern, init)
  local following = native.match_next
  local at, last = native.start(text, init), nil
  local function found(to, ...)
    if to == nil then
      at = #text + 1
      return nil
    end
    at, last = to, to
    return ...
  end
  return function() return found(following(text, pattern, at, last)) end
end

function strings.byte(text, first, last)
  if type(text) == "string" and last ~= nil then charge(span(text, first, last)) end
  return string.byte(text, first, last)
end

function strings.sub(text, first, ...)
  if type(text) == "string" and #text > SHORT then charge(span(text, first, (...) or -1) / 16) end
  return string.sub(text, first, ...)
end

-- What is taken out of a message is no longer than that, and is paid for when it is known.
local function paid(...)
  native.weigh_all(...)
  return ...
end

function strings.unpack(layout, text, at)
  native.weigh_format(layout)
  return paid(string.unpack(layout, text, at))
end

-- Each time costs something, also of a text of no length; a number is a text, too.
local function length_of(text)
  local kind = type(text)
  if kind == "number" then return #tostring(text) end
  return kind == "string" and #text or 0
end

function strings.rep(text, count, between)
  local many = integer(count) or 0
  if many > 0 then charge(many * (length_of(text) + length_of(between) + 1.0) / 16) end
  return string.rep(text, count, between)
end

local tables = copy(table)
tables.concat = native.concat

function tables.insert(list, ...)
  local length = size(list)
  if select("#", ...) > 1 then charge(length) end
  return table.insert(list, ...)
end

function tables.remove(list, ...)
  local length = size(list)
  if select("#", ...) > 0 then charge(length) end
  return table.remove(list, ...)
end

function tables.move(from, first, last, ...)
  first, last = range(first, last)
  return table.move(from, first, last, ...)
end

function tables.unpack(list, first, last)
  if first == nil then first = 1 end
  if last == nil then last = size(list) end
  first, last = range(first, last)
  return table.unpack(list, first, last)
end

function tables.sort(list, before)
  local length = size(list)
  local turns = math.log(length + 2, 2)
  charge(length * turns)
  if before == nil then native.weigh_list(list, turns) end
  return table.sort(list, before)
end

local maths = copy(math)
maths.random, maths.randomseed = donet.random, nil
maths.max, maths.min = of_all(math.max), of_all(math.min)

local utf8s = copy(utf8)
for _, name in next, { "codepoint", "len", "offset" } do utf8s[name] = of_text(utf8[name]) end
utf8s.char = of_all(utf8.char)

-- Tables that a script cannot change.
local frozen = setmetatable({}, { __mode = "k" })

local function freeze(name, all)
  local shown = setmetatable({}, {
    __index = all,
    __newindex = function() error(name .. " is donet's own, and nothing in it can be set", 2) end,
    __pairs = function() return function(_, key) return next(all, key) end, nil, nil end,
    __metatable = false,
  })
  frozen[shown] = true
  return shown
end

local globals = {
  assert = assert, error = error, getmetatable = getmetatable, ipairs = ipairs, next = next, pairs = pairs, pcall = protected,
  rawequal = rawequal, rawget = rawget, rawlen = rawlen, select = select, tostring = tostring, type = type,
  _VERSION = _VERSION,
  string = freeze("string", strings), table = freeze("table", tables), math = freeze("math", maths),
  utf8 = freeze("utf8", utf8s), donet = freeze("donet", setmetatable(donet, { __index = native.no_such })),
}

function globals.xpcall(f, handler, ...)
  return handled(handler, protected(f, ...))
end

function globals.rawset(to, key, value)
  if frozen[to] then error("this table is donet's own, and nothing in it can be set", 2) end
  return rawset(to, key, value)
end

-- A finalizer runs whenever it likes, in a call that has nothing to do with it.
function globals.setmetatable(to, meta)
  if type(meta) == "table" and rawget(meta, "__gc") ~= nil then
    error("there are no finalizers (__gc) in scripts", 2)
  end
  return setmetatable(to, meta)
end

globals.tonumber = of_text(tonumber)

function globals.print(...)
  local all = { ... }
  for index = 1, select("#", ...) do all[index] = tostring(all[index]) end
  donet.log(native.concat(all, " ", 1, select("#", ...)))
end

local meta = getmetatable("")
meta.__index, meta.__metatable = globals.string, false

local all = _G
globals._G = all
for name in next, copy(all) do all[name] = nil end
for name, value in next, globals do all[name] = value end
