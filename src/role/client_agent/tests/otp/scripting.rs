//! Log-ins that a script deals with.

use super::*;
use crate::script::Source as Text;

const LUA: &str = r#"
    donet.on_message(function(client, message)
      local number, token = string.unpack("<I2s2", message)
      if token == "token" then
        client:set_id(1003 << 32 | 7)
        client:set_state("established")
        client:send(string.pack("<I2Bs2I4", number + 1, 0, "", 7))
        return true
      elseif token == "broken" then
        error("no")
      end
    end)
    donet.on_hello(function(client) client.vars.is_in = true end)
    donet.on_field("Login.request", function(client, object, text)
      client:send(string.pack("<I2s2", 900, tostring(client.vars.is_in)))
    end)
"#;

fn scripted(era: Era) -> Agent {
    let text = Text::new("game.lua", LUA);
    let script = |config: &mut ClientAgentConfig| config.client.script = Some(Arc::new(text));
    let mut agent = Agent::otp_with(era, |_| {}, script);
    agent.core.start(agent.now, &mut agent.out);
    agent.routed();
    agent
}

#[test]
fn it_may_answer_them_or_leave_them_to_the_uberdog() {
    for era in [Era::Otp, Era::Toontown2003] {
        let mut agent = scripted(era);
        let client = agent.connect();
        agent.says(client, dg(125).text("who").u8(1));
        let passed = agent.routed();
        assert_eq!(passed.len(), 1);
        assert_eq!(passed[0].0, [LOGIN_TO.channel()]);
        agent.says(client, dg(125).text("token"));
        agent.hears(client, &[dg(126).u8(0).text("").u32(7)]);
        assert_eq!(agent.routed(), []);
        // It is somebody now, and has logged in.
        let request = dg(24).u32(LOGIN_UBERDOG.0).u16(field("request").0).text("x");
        agent.says(client, request);
        let set = set_field(LOGIN_UBERDOG.0, "request", b"\x01\0x");
        agent.expect_routed(Channel(1003 << 32 | 7), &[(LOGIN_UBERDOG.channel(), &set)]);
        agent.hears(client, &[dg(900).text("true")]);
        // What a broken script has been told is told nobody else.
        agent.says(client, dg(125).text("broken"));
        assert_eq!(agent.routed(), []);
        assert!(agent.is_open(client));
    }
}
