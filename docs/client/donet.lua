---@meta
-- What scripts of donet's client agents can use, for editors that know LuaLS annotations (https://luals.github.io).
-- It is never run. What each of these does stands in the book, page "Scripts".

---A client: the same value as long as it is there. What is done to one that has gone does nothing.
---@class donet.Client
---@field channel integer the channel that its session was given
---@field address string from where it connects
---@field state "new"|"anonymous"|"established"|nil how far it has come; nil when it has gone
---@field vars table what the script remembers of it, until it goes
---@field gone boolean whether it has gone
local Client = {}

---@param state "new"|"anonymous"|"established"
function Client:set_state(state) end

---Has it send from this channel, and own as this.
---@param channel integer
function Client:set_id(channel) end

---@param channel integer
function Client:add_channel(channel) end

---@param channel integer
function Client:remove_channel(channel) end

---Puts it out, and tells it why.
---@param code integer 0 to 65535
---@param text? string
function Client:eject(code, text) end

---Puts it out without a word.
function Client:drop() end

---Gives it this message as it is: `string.pack` makes it.
---@param bytes string
function Client:send(bytes) end

---Tells it alone that a field of an object is set.
---@param doid integer
---@param field string `Class.field`
---@param ... any the field's arguments
function Client:update(doid, field, ...) end

---@param id integer 0 to 65535
---@param parent integer
---@param zones integer|integer[]
function Client:add_interest(id, parent, zones) end

---@param id integer
function Client:remove_interest(id) end

---@param doid integer
function Client:add_session_object(doid) end

---@param doid integer
function Client:remove_session_object(doid) end

---@param doid integer
---@param class string
function Client:declare_object(doid, class) end

---@param doid integer
function Client:undeclare_object(doid) end

---@param doid integer
---@param fields string[] each `Class.field`
function Client:set_fields_sendable(doid, fields) end

---Has a message sent when its session ends.
---@param channel integer
---@param message string a message's name
---@param arguments? table
function Client:add_post_remove(channel, message, arguments) end

function Client:clear_post_removes() end

---An object, as hooks are told of it.
---@class donet.Object
---@field doid integer
---@field class string

---What a hook returns instead of nothing.
---@class donet.Outcome

---@class donet
---@field DROP donet.Outcome nothing comes of it
donet = {}

---@param hook fun(client: donet.Client)
function donet.on_connect(hook) end

---@param hook fun(client: donet.Client, version: string, hash: integer)
function donet.on_hello(hook) end

---A log-in message of the game's own. Return true if the script has dealt with it.
---@param hook fun(client: donet.Client, message: string): boolean?
function donet.on_message(hook) end

---@param hook fun(client: donet.Client, old: string, new: string)
function donet.on_state(hook) end

---A client sets a field: return nothing, `donet.DROP` or `donet.change(…)`.
---@param field string `Class.field`
---@param hook fun(client: donet.Client, object: donet.Object, ...: any): donet.Outcome?
function donet.on_field(field, hook) end

---@param hook fun(client: donet.Client, object: donet.Object, parent: integer, zone: integer): donet.Outcome?
function donet.on_create(hook) end

---@param hook fun(client: donet.Client, object: donet.Object, parent: integer, zone: integer): donet.Outcome?
function donet.on_move(hook) end

---@param hook fun(client: donet.Client, reason: string)
function donet.on_disconnect(hook) end

---Other arguments for the field that a hook of `donet.on_field` is asked about.
---@param ... any
---@return donet.Outcome
function donet.change(...) end

---Sends a message of servers, with arguments as `donet trace --json` prints them.
---@param channels integer|integer[]
---@param message string
---@param arguments? table
---@param sender? integer
function donet.send(channels, message, arguments, sender) end

---Sets a field of an object, as an AI does.
---@param doid integer
---@param field string `Class.field`
---@param ... any the field's arguments
function donet.update(doid, field, ...) end

---Has a database-state server load an object.
---@param doid integer
---@param parent integer
---@param zone integer
---@param fields? table<string, any> values by the names of fields; then with the class
---@param class? string
function donet.activate(doid, parent, zone, fields, class) end

---@param doid integer
---@param channel integer 0 for nobody
function donet.set_owner(doid, channel) end

---@param doid integer
---@param parent integer
---@param zone integer
function donet.set_location(doid, parent, zone) end

---@param doid integer
function donet.delete_object(doid) end

---@param database integer the channel of the database server
---@param doid integer
---@param fields string[]|nil each `Class.field`; nil for all
---@param callback fun(fields: table<string, any>?)
function donet.db_get(database, doid, fields, callback) end

---@param database integer
---@param doid integer
---@param values table<string, any> by `Class.field`
function donet.db_set(database, doid, values) end

---@param database integer
---@param doid integer
---@param field string `Class.field`
---@param old any nil: if it has no value
---@param new any
---@param callback fun(was_set: boolean?, current: any)
function donet.db_set_if_equals(database, doid, field, old, new, callback) end

---@param database integer
---@param class string
---@param fields? table<string, any> values by the names of fields
---@param callback fun(doid: integer?)
function donet.db_create(database, class, fields, callback) end

---@param database integer
---@param doid integer
function donet.db_delete(database, doid) end

---For the event logger.
---@param kind string
---@param values? table<string, string|number|boolean>
function donet.event(kind, values) end

---@param text string
function donet.log(text) end

---@param text string
function donet.warn(text) end

---@return integer # milliseconds since the daemon's start
function donet.now() end

---@param ms integer 10 or more
---@param callback fun()
---@return integer # for `donet.cancel`
function donet.after(ms, callback) end

---@param ms integer 10 or more
---@param callback fun()
---@return integer # for `donet.cancel`
function donet.every(ms, callback) end

---@param timer integer
function donet.cancel(timer) end

---As `math.random`.
---@param m? integer
---@param n? integer
---@return number
function donet.random(m, n) end
