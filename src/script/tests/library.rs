use super::*;

/// What a script makes of an expression.
fn value(expression: &str) -> String {
    let lines = format!(
        "local function show(...)
            local all = table.pack(...)
            for i = 1, all.n do all[i] = tostring(all[i]) end
            donet.log(table.concat(all, ' '))
        end
        show({expression})"
    );
    said(&lines).remove(0)
}

#[test]
fn patterns_are_those_of_lua() {
    let cases = [
        ("('hello world'):find('wor')", "7 9"),
        ("('hello'):find('l', 1, true)", "3 3"),
        ("('hello'):find('xyz')", "nil"),
        ("('hello'):find('')", "1 0"),
        ("('hello'):find('', 10)", "nil"),
        ("('hello'):find('', 6)", "6 5"),
        ("('a.b'):find('.', 1, true)", "2 2"),
        ("('a+b'):find('+', 1, true)", "2 2"),
        ("('hello'):find('l+')", "3 4"),
        ("('hello'):find('(l)(l)')", "3 4 l l"),
        ("('hello'):find('()ll()')", "3 4 3 5"),
        ("('hello'):find('^h')", "1 1"),
        ("('hello'):find('^e')", "nil"),
        ("('hello'):find('^e', 2)", "2 2"),
        ("('hello'):find('o$')", "5 5"),
        ("('a$b'):find('$b')", "2 3"),
        ("('hello'):find('l', -2)", "4 4"),
        ("('hello'):find('h', -100)", "1 1"),
        ("('key = value'):match('(%w+)%s*=%s*(%w+)')", "key value"),
        ("('2026-01-31'):match('(%d+)-(%d+)-(%d+)')", "2026 01 31"),
        ("('abc'):match('.-')", ""),
        ("('abc'):match('a.-c')", "abc"),
        ("('f(a(b)c)d'):match('%b()')", "(a(b)c)"),
        ("('THE (quick) fox'):find('%((%a+)%)')", "5 11 quick"),
        ("('x[]y'):match('[]]')", "]"),
        ("('x^y'):match('[%^]')", "^"),
        ("('a-z'):match('[a%-]+')", "a-"),
        ("('abc'):match('[^a]+')", "bc"),
        ("('a]b'):match('[^]]')", "a"),
        ("('x-'):match('[a-]+')", "-"),
        ("('aXb'):match('%u')", "X"),
        ("('aXb'):match('%U+')", "a"),
        ("('THE END'):match('%f[%a]%a+%f[%A]')", "THE"),
        ("('\"it\\'s\"'):match('([\"\\'])(.-)%1')", "\" it's"),
        ("('abab'):match('^(ab)%1$')", "ab"),
        ("('ab'):match('a?b?c?')", "ab"),
        ("('a\\0b'):match('%z') or 'none'", "none"),
        ("('a\\0b'):find('\\0')", "2 2"),
        ("(' x '):match('^%s*(.-)%s*$')", "x"),
        ("('hello'):gsub('l', 'L')", "heLLo 2"),
        ("('hello'):gsub('l', 'L', 1)", "heLlo 1"),
        ("('hello'):gsub('', '-')", "-h-e-l-l-o- 6"),
        ("('abc'):gsub('%w', '%0%0')", "aabbcc 3"),
        ("('abc'):gsub('%w', '%1.')", "a.b.c. 3"),
        ("('hello world'):gsub('(%w+) (%w+)', '%2 %1')", "world hello 1"),
        ("('50%'):gsub('%%', '%%%%')", "50%% 1"),
        ("('$name is $age'):gsub('%$(%w+)', {name = 'Bo', age = 5})", "Bo is 5 2"),
        ("('abc'):gsub('%w', function(c) if c == 'b' then return 'X' end end)", "aXc 3"),
        ("('abc'):gsub('b*', 'x')", "xaxcx 3"),
        ("('aaa'):gsub('^a', 'b')", "baa 1"),
        ("('abc'):gsub('()', '%1')", "1a2b3c4 4"),
        ("select(2, ('x'):gsub('y', ''))", "0"),
    ];
    for (expression, expected) in cases {
        assert_eq!(value(expression), expected, "{expression}");
    }
}

#[test]
fn gmatch_goes_on_where_the_last_match_has_ended() {
    let of = |pattern: &str| {
        value(&format!(
            "(function() local all = {{}} for a, b in ('k=v, x=y'):gmatch('{pattern}') do all[#all + 1] = tostring(a) .. ':' .. tostring(b) end return table.concat(all, ' ') end)()"
        ))
    };
    assert_eq!(of("(%w+)=(%w+)"), "k:v x:y");
    assert_eq!(of("%w"), "k:nil v:nil x:nil y:nil");
    assert_eq!(of("()%w"), "1:nil 3:nil 6:nil 8:nil");
    assert_eq!(of("^k"), "");
    let all =
        "(function() local n = 0 for _ in ('abc'):gmatch('') do n = n + 1 end return n end)()";
    assert_eq!(value(all), "4");
    let from = "(function() local n = '' for c in ('abc'):gmatch('%w', -2) do n = n .. c end return n end)()";
    assert_eq!(value(from), "bc");
    let nested = "(function() local n = '' for c in ('ab'):gmatch('.') do for d in ('xy'):gmatch('.') do n = n .. c .. d end end return n end)()";
    assert_eq!(value(nested), "axaybxby");
}

#[test]
fn a_pattern_that_is_none_is_an_error_with_a_line() {
    let wrong = [
        ("'%'", "malformed pattern (ends with '%')"),
        ("'[a'", "malformed pattern (missing ']')"),
        ("'[a%'", "malformed pattern (missing ']')"),
        ("'%b'", "malformed pattern (missing arguments to '%b')"),
        ("'%f'", "missing '[' after '%f' in pattern"),
        ("'(a'", "unfinished capture"),
        ("'a)'", "invalid pattern capture"),
        ("'%1'", "invalid capture index in pattern"),
        ("'(%1)'", "invalid capture index in pattern"),
    ];
    for (pattern, expected) in wrong {
        let fault = fault_in_call(&format!("return ('a'):match({pattern})"));
        assert_eq!(fault, format!("game.lua:2: {expected}"), "{pattern}");
    }
    for (call, expected) in [
        ("('a'):gsub('a', '%2')", "string.gsub: there is no capture %2"),
        ("('a'):gsub('a', '%x')", "string.gsub: invalid use of '%' in replacement string"),
        ("('a'):gsub('a', true)", "string.gsub: found true, expected a string, table or function"),
        ("('a'):gsub('a', {a = {}})", "string.gsub: a table cannot replace anything"),
        ("table.concat({1, {}})", "table.concat: found a table at 2, expected a string"),
    ] {
        assert_eq!(fault_in_call(call), format!("game.lua:2: {expected}"), "{call}");
    }
}

#[test]
fn the_rest_of_the_libraries_is_there() {
    let cases = [
        ("('x'):rep(3, '-')", "x-x-x"),
        ("('x'):rep(0)", ""),
        ("('x'):rep(-1)", ""),
        (
            "('abc'):sub(2), ('abc'):upper(), ('ABC'):lower(), ('abc'):reverse(), ('abc'):byte(1, -1)",
            "bc ABC abc cba 97 98 99",
        ),
        (
            "string.char(72, 105), ('%5.2f|%d|%s'):format(1.005, 3, {} and 'x'), #'abc'",
            "Hi  1.00|3|x 3",
        ),
        ("string.unpack('<HB', string.pack('<HB', 300, 7))", "300 7 4"),
        ("table.unpack({1, 2, 3})", "1 2 3"),
        ("table.unpack({1, 2, 3}, 2)", "2 3"),
        ("select('#', table.unpack({}, 1, 3))", "3"),
        ("table.concat({1, 'a', 2.5}, ', ')", "1, a, 2.5"),
        ("table.concat({}, ',')", ""),
        ("(function() local t = {3, 1, 2} table.sort(t) return table.concat(t) end)()", "123"),
        (
            "(function() local t = {3, 1, 2} table.sort(t, function(a, b) return a > b end) return table.concat(t) end)()",
            "321",
        ),
        (
            "(function() local t = {1, 3} table.insert(t, 2, 2) table.insert(t, 4) return table.remove(t, 1), table.remove(t), table.concat(t) end)()",
            "1 4 23",
        ),
        ("table.concat(table.move({1, 2, 3}, 2, 3, 1))", "233"),
        (
            "math.floor(2.5), math.max(1, 5), math.type(1), math.tointeger(3.0), math.ult(1, -1)",
            "2 5 integer 3 true",
        ),
        ("utf8.char(233, 8364), utf8.len('\\u{e9}x'), utf8.codepoint('\\u{e9}')", "é€ 2 233"),
        ("tonumber('0x10'), tonumber('z', 36), tonumber('x'), tonumber(5)", "16 35 nil 5"),
        ("rawequal('a', 'a'), rawlen({1}), type(nil), next({})", "true 1 nil nil"),
        ("pcall(error, 'x')", "false x"),
        ("select(2, pcall(error, {1}))[1]", "1"),
        (
            "pcall(function() error({code = 5}) end) and 1 or select(2, pcall(function() error({code = 5}) end)).code",
            "5",
        ),
        (
            "pcall(function() local x = nil; return x.y end)",
            "false game.lua:7: attempt to index a nil value (local 'x')",
        ),
        ("pcall(function() error('at') end)", "false game.lua:7: at"),
        (
            "pcall(donet.after, 1)",
            "false game.lua:7: donet.after: argument 1: found 1, expected milliseconds, 10 to 4294967295",
        ),
        ("pcall(string.rep)", "false bad argument #1 to 'rep' (string expected, got nil)"),
        ("xpcall(function() error('x', 0) end, function(e) return e .. '!' end)", "false x!"),
        ("xpcall(function(...) return ... end, print, 1, 2)", "true 1 2"),
        ("xpcall(error, error, 'x')", "false x"),
        ("_VERSION, _G == _G._G, _G.pairs == pairs", "Lua 5.3 true true"),
    ];
    for (expression, expected) in cases {
        assert_eq!(value(expression), expected, "{expression}");
    }
    assert_eq!(said("print('a', 1, nil, true)"), ["a 1 nil true"]);
}

#[test]
fn nothing_reaches_out_of_a_script() {
    let gone = [
        "os",
        "io",
        "debug",
        "package",
        "require",
        "coroutine",
        "load",
        "loadfile",
        "dofile",
        "loadstring",
        "collectgarbage",
        "warn",
        "string.dump",
        "math.randomseed",
    ];
    for name in gone {
        assert_eq!(value(name), "nil", "{name}");
    }
    let all = "(function() local all = {} for name in pairs(_G) do all[#all + 1] = name end table.sort(all) return table.concat(all, ' ') end)()";
    assert_eq!(
        value(all),
        "_G _VERSION assert donet error getmetatable ipairs math next pairs pcall print rawequal rawget rawlen rawset select setmetatable string table tonumber tostring type utf8 xpcall"
    );
    let compiled = "\u{1b}Lua";
    assert!(fault(compiled).contains("attempt to load a binary chunk"), "{}", fault(compiled));
}

#[test]
fn donets_own_tables_cannot_be_changed() {
    let own = "is donet's own, and nothing in it can be set";
    for lines in
        ["string.rep = nil", "donet.log = print", "math.huge = 1", "table.x = 1", "utf8.y = 1"]
    {
        let fault = fault_in_call(lines);
        assert!(fault.starts_with("game.lua:2: ") && fault.ends_with(own), "{lines}: {fault}");
    }
    assert!(fault_in_call("rawset(string, 'rep', nil)").ends_with("nothing in it can be set"));
    let protected = "game.lua:2: cannot change a protected metatable";
    assert_eq!(fault_in_call("setmetatable(string, {})"), protected);
    assert_eq!(value("getmetatable(''), getmetatable(string)"), "false false");
    assert_eq!(value("getmetatable(client), getmetatable(donet.DROP)"), "false false");
    let finalizer = "game.lua:2: there are no finalizers (__gc) in scripts";
    assert_eq!(fault_in_call("setmetatable({}, {__gc = print})"), finalizer);
    assert_eq!(
        value("(function() local n = 0 for name in pairs(string) do n = n + 1 end return n end)()"),
        "16"
    );
    // Its own globals are its own.
    assert_eq!(said("x = 1 _G.y = 2 rawset(_G, 'z', 3) donet.log(x + y + z)"), ["6"]);
}
