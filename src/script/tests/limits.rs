use super::*;

const STEPS: &str = "it takes more than 100000 instructions";
const MEMORY: &str = "it needs more memory than the 64 MiB of a script";
const CALL_MEMORY: &str =
    "it needs more than 8 MiB in one call: does a function call itself without end?";

/// Runs an attack in a hook, which ends for this reason, and then something harmless.
fn attack(lines: &str, expected: &str) {
    attack_with("", lines, expected);
}

/// The same with something that is prepared while the file is loaded.
fn attack_with(before: &str, lines: &str, expected: &str) {
    let mut stage = stage(&format!(
        "{before}
        donet.on_connect(function(client)\n{lines}\nend)
        donet.on_hello(function() donet.log('well') end)"
    ));
    for _ in 0..2 {
        let fault = stage.call(Call::Connect).expect_err(lines).to_string();
        assert!(fault.ends_with(expected), "{lines}: {fault}");
        assert_eq!(stage.script.take_actions(), [], "{lines}");
        let hello = Call::Hello { version: "", hash: 0 };
        assert_eq!(stage.call(hello), Ok(Verdict::Pass), "{lines}");
        assert_eq!(stage.said(), ["well"], "{lines}");
    }
}

#[test]
fn a_call_that_never_ends_is_ended_where_it_is() {
    let mut stage = stage("donet.on_connect(function()\nwhile true do end\nend)");
    let calling = stage.call(Call::Connect).expect_err("ended").to_string();
    assert_eq!(calling, format!("game.lua:2: {STEPS}"));
    let loading = fault("while true do end");
    assert_eq!(loading, "game.lua:1: it takes more than 10000000 instructions");
}

#[test]
fn nothing_catches_the_end_of_a_call() {
    let attacks = [
        "while true do pcall(function() while true do end end) end",
        "while true do pcall(pcall, pcall, function() while true do end end) end",
        "while true do xpcall(function() while true do end end, function() end) end",
        // A handler that runs where the error is would not be counted.
        "xpcall(function() while true do end end, function() while true do end end)",
        "xpcall(error, function() while true do end end)",
        "pcall(setmetatable({}, {__call = function() while true do end end}))",
        "pcall(string.gsub, 'x', 'x', function() while true do end end) while true do end",
        "pcall(table.sort, {1, 2, 3}, function() while true do end end) while true do end",
        "local t = setmetatable({}, {__index = function() while true do end end}) pcall(function() return t.x end) while true do end",
        "local t = setmetatable({}, {__tostring = function() while true do end end}) pcall(error, t) error(t)",
        "local t = setmetatable({}, {__tostring = function() while true do end end}) print(t)",
        "for _ in function() return 1 end do pcall(error) end",
    ];
    for lines in attacks {
        attack(lines, STEPS);
    }
}

#[test]
fn nothing_is_run_on_the_way_out_of_a_call() {
    assert!(fault("local x <close> = nil").starts_with("game.lua:1: unexpected symbol"));
    let before = "local closing = setmetatable({}, {__close = function() while true do end end})";
    attack_with(before, "for _ in next, {1}, nil, closing do while true do end end", STEPS);
}

#[test]
fn what_loops_in_a_library_is_counted() {
    let long = "local long = string.rep('a', 60000)\n";
    let attacks = [
        "string.rep('x', 1 << 40)",
        "string.rep('x', '99999999')",
        "string.rep('', 1 << 40, 'abc')",
        "while true do pcall(string.rep, 'x', 1 << 20) end",
        "long:find(string.rep('a*', 30) .. 'b')",
        "long:match('.-b')",
        "long:find('(.*)(.*)(.*)b')",
        "for _ in long:gmatch('a-b') do end",
        "long:gsub('.-b', '')",
        "long:gsub('a', 'b')",
        "long:find(('[^b-z%d%p]'):rep(100) .. '*x')",
        "long:match('%f[b].-%f[c]')",
        "('(' .. long):match('%b()x') while true do long:find('b', 1, true) end",
        "while true do long:find(('a'):rep(30000) .. 'b', 1, true) end",
        "while true do long:upper() end",
        "while true do long:lower() end",
        "while true do long:reverse() end",
        "while true do long:sub(2) end",
        "while true do long:byte(1, 1000) end",
        "while true do long:byte(1, -1) end",
        "while true do long:byte(-1000, '-1') end",
        "while true do ('a'):find('[' .. long .. ']') end",
        "while true do long:gsub('b', '', 0) end",
        "while true do ('a'):gsub('a', long) end",
        "while true do pcall(donet.update, 5, long) end",
        "while true do pcall(donet.event, long) end",
        "while true do pcall(donet.send, 5, long) end",
        "while true do pcall(function() return client[long] end) end",
        "while true do pcall(function() return donet[long] end) end",
        "while true do pcall(error, long) end",
        "while true do string.format('%s', long) end",
        "while true do string.format('%q', long) end",
        "while true do string.pack('z', long) end",
        "string.pack('c99999999', '')",
        "while true do string.packsize(long:gsub('a', 'b')) end",
        "while true do utf8.len(long) end",
        "while true do utf8.offset(long, -1) end",
        "while true do tonumber(long) end",
        "while true do tonumber(long, 36) end",
        "while true do table.concat({long, long, long, long}) end",
        "table.concat(setmetatable({}, {__index = function() return 'x' end}), '', 1, 1 << 40)",
        "table.unpack({}, 1, 1 << 40)",
        "table.unpack({}, '1', '9999999')",
        "table.move({}, 1, 1 << 40, 2)",
        "table.move({}, '1', '99999999', '2')",
    ];
    for lines in attacks {
        attack_with(long, lines, STEPS);
    }
}

#[test]
fn work_on_long_tables_is_counted() {
    let long = "local long = {} for i = 1, 200000 do long[i] = i end\n";
    let attacks = [
        "while true do table.insert(long, 1, 0) end",
        "while true do table.remove(long, 1) end",
        "while true do table.sort(long) end",
        "table.sort(long, function(a, b) return a > b end)",
        "while true do table.unpack(long) end",
        "while true do table.move(long, 1, #long, 2) end",
        "while true do table.concat(long) end",
        "donet.send(long, 'CLIENTAGENT_DROP')",
        "client:add_interest(1, 2, long)",
        "donet.db_get(4003, 5, long, print)",
        "donet.update(5, 'Avatar.setItems', long)",
        "donet.send(5, 'CLIENTAGENT_EJECT', {text = long})",
    ];
    for lines in attacks {
        attack_with(long, lines, STEPS);
    }
    // Lengths that nobody can trust.
    let lying = "local t = setmetatable({}, {__len = function() return 1 << 50 end})\n";
    for call in ["insert(t, 1, 0)", "remove(t, 1)", "sort(t)", "unpack(t)"] {
        attack(&format!("{lying} table.{call}"), "functions of `table` know no __len");
    }
}

#[test]
fn memory_has_an_end_that_nothing_catches() {
    let attacks = [
        "local s = 'x' while true do s = s .. s end",
        "local s = 'x' pcall(function() while true do s = s .. s end end) while true do end",
        "local s = 'x' while true do pcall(function() s = s .. s end) end",
        "local s = 'x' xpcall(function() while true do s = s .. s end end, print)",
    ];
    for lines in attacks {
        attack(lines, CALL_MEMORY);
    }
    let mut stage = stage(
        "local kept = {}
        donet.on_connect(function()
            local more = {}
            for i = 1, 2000 do more[i] = {kept} end
            kept[#kept + 1] = more
        end)
        donet.on_hello(function() kept = {} end)",
    );
    // It fills up, until nothing works any more but what lets go.
    let mut faults = Vec::new();
    for _ in 0..2_000 {
        match stage.call(Call::Connect) {
            Ok(_) => {}
            Err(fault) => {
                faults.push(fault.to_string());
                break;
            }
        }
    }
    assert!(faults.iter().all(|fault| fault.ends_with(MEMORY)) && !faults.is_empty(), "{faults:?}");
    assert_eq!(stage.call(Call::Hello { version: "", hash: 0 }), Ok(Verdict::Pass));
    assert_eq!(stage.call(Call::Connect), Ok(Verdict::Pass));
}

#[test]
fn functions_within_functions_have_an_end() {
    let attacks = [
        ("local function f() return 1 + f() end f()", MEMORY),
        (
            "local function f() return pcall(f) end f() local t = setmetatable({}, {}) getmetatable(t).__index = function(t, k) return t[k + 1] end return t[1]",
            "overflow",
        ),
        ("local t = setmetatable({}, {}) getmetatable(t).__index = t return t.x", "loop"),
        ("local s = string.rep('(', 40000) return ('x'):find(s)", "captures"),
        (
            "local s = ('a?'):rep(300) local t = ('a'):rep(300) return t:find(s)",
            "pattern too complex",
        ),
        ("local function f(s) return (s:gsub('.', f)) end f('x')", "within functions"),
        (
            "local function f(s) local ok, t = pcall(string.gsub, s, '.', f) return t end f('x') error('ended')",
            "ended",
        ),
        (
            "local t = {} setmetatable(t, {__index = function() return table.concat(t, '', 1, 1) end}) return t[1]",
            "within functions",
        ),
    ];
    for (lines, expected) in attacks {
        let fault = fault(lines);
        assert!(fault.contains(expected), "{lines}: {fault}");
    }
    let nested = format!("return {}1{}", "(".repeat(1_000), ")".repeat(1_000));
    assert!(fault(&nested).contains("too many C levels"), "{}", fault(&nested));
    attack("local function f() return 1 + f() end pcall(f) f()", STEPS);
}

#[test]
fn a_call_in_which_single_instructions_take_long_is_ended() {
    let before = "
        local large = ' '
        while #large < 12000000 do large = large .. large end
        local same = (large .. 'x'):sub(1, #large)";
    for lines in
        ["local x = large .. 'x'", "local x = large == same", "local x = math.abs(large .. '1')"]
    {
        let lines = format!("while true do {lines} end");
        attack_with(before, &lines, "it takes too long: what is in it goes over megabytes");
    }
}

#[test]
fn functions_can_return_a_lot() {
    // Lua's stack is full when they do.
    for count in [1, 19, 20, 21, 30, 50, 100, 200] {
        let lines = format!(
            "local all = {{}} for i = 1, {count} do all[i] = i end
            donet.log(select('#', pcall(function() return table.unpack(all) end)))"
        );
        assert_eq!(said(&lines), [(count + 1).to_string()]);
    }
    fault("local function f() return pcall(f) end f() error('ended')");
}

#[test]
fn what_a_library_goes_over_is_paid_for_whatever_it_is_made_of() {
    let attacks = [
        "string.rep('', 1 << 62)",
        "string.rep('', 1 << 40, '')",
        "string.rep(5, 1 << 40)",
        "local s = ('0'):rep(10000) local t = {} for i = 1, 200 do t[i] = s end
         while true do string.char(table.unpack(t)) end",
        "local s = ('0'):rep(10000) local t = {} for i = 1, 200 do t[i] = s end
         while true do math.max(table.unpack(t)) end",
        "local a, b = ('x'):rep(10000) .. 'a', ('x'):rep(10000) .. 'b' local t = {}
         for i = 1, 500 do t[i] = i % 2 == 0 and a or b end table.sort(t)",
        "local key = ('x'):rep(10000) local l = {} for i = 1, 2000 do l[i] = {[key] = 1} end
         donet.send(5, 'CLIENTAGENT_DROP', {a = l})",
        "local key = ('x'):rep(10000) local l = {} for i = 1, 2000 do l[i] = {[key] = 1} end
         donet.update(5, 'Avatar.setName', l)",
    ];
    for lines in attacks {
        attack(lines, STEPS);
    }
}

#[test]
fn a_long_text_is_read_piece_by_piece_for_little() {
    let lines = "local s = ('x'):rep(60000)
        for i = 1, 1000 do s:sub(i, i) s:byte(i) string.unpack('<I2', s, i) end
        donet.log('well')";
    assert_eq!(said(lines), ["well"]);
    attack("local s = ('x'):rep(60000) while true do s:sub(1, -2) end", STEPS);
    attack("local s = ('x'):rep(60000) while true do string.unpack('c60000', s) end", STEPS);
}

#[test]
fn an_error_may_be_a_text_of_a_client() {
    let colons = "string.rep(':', 60000)";
    let fault = fault_in_call(&format!("error('bad password ' .. {colons}, 0)"));
    assert!(fault.starts_with("game.lua:2: bad password ::::"), "{fault}");
    let fault = fault_in_call(&format!("assert(pcall(error, {colons}, 0))"));
    assert!(fault.starts_with("game.lua:2: ::::"), "{fault}");
}

#[test]
fn what_a_hook_keeps_is_counted_as_memory() {
    let mut stage = stage(
        "local kept = {}
        donet.on_field('Avatar.setName', function()
            for _ = 1, 5 do kept[#kept + 1] = donet.change(string.rep('x', 60000)) end
        end)",
    );
    let calls = (0..1_000).map(|_| stage.set("Avatar", "setName", &[0, 0]));
    let faults: Vec<Fault> = calls.filter_map(Result::err).collect();
    assert!(faults.len() > 700, "{}", faults.len());
    assert!(faults[0].to_string().ends_with(MEMORY), "{}", faults[0]);
}

#[test]
fn a_call_can_only_ask_for_so_much() {
    let log = "for i = 1, 1025 do donet.log('x') end";
    assert_eq!(fault_in_call(log), "game.lua:2: donet.log: a call can ask for 1024 things at most");
    assert_eq!(actions("for i = 1, 1024 do donet.log('x') end").len(), 1_024);
    let large = "local s = string.rep('x', 60000) for i = 1, 20 do client:send(s) end";
    assert_eq!(fault_in_call(large), "game.lua:2: client:send: a call can send 1024 KiB at most");
    let one = "client:send(string.rep('x', 65534))";
    let expected = "game.lua:2: client:send: 65538 bytes are more than a datagram can hold";
    assert_eq!(fault_in_call(one), expected);
}

#[test]
fn a_call_that_fails_has_asked_for_nothing() {
    let mut stage = stage(
        "local timer = donet.every(1000, function() donet.log('tick') end)
        donet.on_connect(function(client)
            client:eject(1)
            donet.log('x')
            donet.cancel(timer)
            donet.after(10, function() donet.log('never') end)
            donet.db_get(4003, 5, nil, function() donet.log('never') end)
            error('no')
        end)",
    );
    let [Action::After { id, .. }] = stage.script.take_actions()[..] else { panic!("a timer") };
    assert_eq!(stage.call(Call::Connect).expect_err("it fails").to_string(), "game.lua:8: no");
    assert_eq!(stage.script.take_actions(), []);
    // It was not cancelled.
    assert_eq!(stage.script.timer(NOW, id), Ok(()));
    assert_eq!(stage.said(), ["tick"]);
}

#[test]
fn a_panic_of_ours_costs_one_call_and_is_not_caught() {
    let mut stage = stage(
        "donet.on_connect(function() break_down() end)
        donet.on_hello(function() pcall(break_down) donet.log('never') end)
        donet.on_move(function() return 1 end)",
    );
    let set = stage.script.run(NOW, 1_000, |lua| {
        let break_down =
            lua.create_function(|_, ()| -> mlua::Result<()> { panic!("a mistake") })?;
        lua.globals().raw_set("break_down", break_down)
    });
    assert_eq!(set, Ok(()));
    for call in [Call::Connect, Call::Hello { version: "", hash: 0 }, Call::Connect] {
        let fault = stage.call(call).expect_err("it panics").to_string();
        assert_eq!(fault, "donet has failed in this call: a mistake");
        assert_eq!(stage.script.take_actions(), []);
    }
}
