//! What becomes of the daemon when one of its parts panics.

use std::fs;
use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::fault;
use crate::ids::{Channel, ClassId, Context as Request};
use crate::message::{Database, FieldValues, Message};
use crate::router::{Inbox, Participant};
use crate::wire::{Envelope, Frame, Frames, write_frame};

/// Only a failing test waits for it.
const PATIENCE: Duration = Duration::from_secs(120);
const AI: Channel = Channel(5000);
const DATABASE: Channel = Channel(4003);
const REQUESTS: u32 = 200;

/// A daemon with every role, in this process; its event logger and links listen where nobody else does.
struct Stage {
    _folder: TempDir,
    parts: Parts,
    router: Router,
    ports: Ports,
    /// What is sent to the AI.
    inbox: Arc<Inbox>,
    ai: Participant,
}

struct Ports {
    director: SocketAddr,
    clients: SocketAddr,
    events: SocketAddr,
}

impl Ports {
    fn free() -> Self {
        let udp = UdpSocket::bind("127.0.0.1:0").expect("a free port");
        let tcp = || std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let (director, clients) = (tcp(), tcp());
        Ports {
            director: director.local_addr().expect("bound"),
            clients: clients.local_addr().expect("bound"),
            events: udp.local_addr().expect("bound"),
        }
    }
}

impl Stage {
    async fn start(director: &str) -> Self {
        let folder = TempDir::new().expect("a folder for temporary files");
        let ports = Ports::free();
        let Ports { director: links, clients, events } = &ports;
        let text = format!(
            "general: {{dc_files: [world.dc]}}
messagedirector: {{bind: '{links}'{director}}}
roles:
  - {{type: stateserver, control: 4002}}
  - {{type: database, control: {DATABASE}, generate: {{min: 1000, max: 9999}},
     backend: {{type: sqlite, file: world.sqlite}}}}
  - {{type: dbss, database: {DATABASE}, ranges: [{{min: 1000, max: 9999}}]}}
  - {{type: clientagent, bind: '{clients}', channels: {{min: 100000, max: 100009}}}}
  - {{type: eventlogger, bind: '{events}'}}
"
        );
        let path = folder.path().join("donet.yml");
        fs::write(&path, text).expect("the folder is ours");
        let dc = "dclass Avatar { string name required broadcast db; };";
        fs::write(folder.path().join("world.dc"), dc).expect("the folder is ours");
        let config = crate::config::load(&path).expect("a correct file");
        let dc = Arc::new(config.read_dc().expect("a correct DC file"));
        let router = Router::new();
        let anew = Anew::never();
        let parts =
            Parts::start(config, dc, Outside::machine(), router.clone(), (anew, Seen::new(false)))
                .await
                .expect("it starts");
        let inbox = Inbox::new("AI", 1 << 20, usize::MAX);
        let ai = router.join("AI", inbox.clone());
        ai.batch().subscribe(AI);
        Stage { _folder: folder, parts, router, ports, inbox, ai }
    }

    fn fail_role(&self, name: &str) {
        let roles = self.router.roles();
        let role = roles.iter().find(|(_, role)| role.starts_with(name)).expect("a role");
        self.router.fail_role(role.0);
    }

    fn create_objects(&self) {
        let mut frames = Vec::new();
        for context in 0..REQUESTS {
            let (context, fields) = (Request(context), FieldValues::default());
            let message = Database::CreateObject { context, class_id: ClassId(0), fields };
            write_frame(&mut frames, |w| message.write_datagram(w, &[DATABASE], AI)).expect("fits");
        }
        let mut batch = self.ai.batch();
        Frames::new(&frames).for_each(|frame| assert!(batch.route(frame)));
    }

    /// How many answers of the database have come since the last look.
    fn answers(&self) -> usize {
        let mut frames = Vec::new();
        if !self.inbox.try_recv(&mut frames) {
            return 0;
        }
        let is_answer = |frame: &Frame<'_>| {
            let envelope = Envelope::read(frame.datagram()).expect("complete");
            envelope.message_type == Database::DBSERVER_CREATE_OBJECT_RESP
        };
        Frames::new(&frames).filter(is_answer).count()
    }

    /// That the daemon notices that something has failed, and ends in order all the same.
    async fn expect_end(&mut self) {
        let failed = tokio::time::timeout(PATIENCE, self.parts.first_failure());
        let failure = format!("{:#}", failed.await.expect("it is noticed"));
        assert!(failure.contains("panic"), "{failure}");
        tokio::time::timeout(PATIENCE, self.parts.stop()).await.expect("nothing hangs");
    }
}

#[tokio::test]
async fn a_role_that_panics_ends_the_daemon_and_what_was_asked_of_the_database_is_done() {
    for role in ["StateServer", "DBSS", "ClientAgent"] {
        let mut stage = Stage::start("").await;
        stage.create_objects();
        stage.fail_role(role);
        stage.expect_end().await;
        assert_eq!(stage.answers(), REQUESTS as usize, "{role}");
    }
}

#[tokio::test]
async fn a_database_server_that_panics_ends_the_daemon() {
    let mut stage = Stage::start("").await;
    stage.create_objects();
    fault::want("database");
    stage.expect_end().await;
}

#[tokio::test]
async fn a_batch_of_a_database_server_that_panics_ends_the_daemon_when_all_is_answered() {
    let mut stage = Stage::start("").await;
    stage.create_objects();
    fault::want("lane");
    stage.expect_end().await;
    assert_eq!(stage.answers(), REQUESTS as usize);
}

#[tokio::test]
async fn an_event_logger_that_panics_ends_the_daemon() {
    let mut stage = Stage::start("").await;
    fault::want("event logger");
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    socket.send_to(b"\x80", stage.ports.events).expect("sent");
    stage.expect_end().await;
}

#[tokio::test]
async fn a_client_agent_that_cannot_accept_ends_the_daemon() {
    let mut stage = Stage::start("").await;
    fault::want("accept");
    let _client = TcpStream::connect(stage.ports.clients).await.expect("listening");
    stage.expect_end().await;
}

#[tokio::test]
async fn a_link_whose_task_panics_is_lost_alone() {
    let stage = Stage::start("").await;
    let mut link = TcpStream::connect(stage.ports.director).await.expect("listening");
    fault::want("link");
    link.write_all(&[1, 0, 0]).await.expect("open");
    let mut rest = Vec::new();
    // How it is closed does not matter.
    let _ = tokio::time::timeout(PATIENCE, link.read_to_end(&mut rest)).await.expect("closed");
    // The database still answers.
    stage.create_objects();
    let mut answers = 0;
    let all = async {
        while answers < REQUESTS as usize {
            tokio::task::yield_now().await;
            answers += stage.answers();
        }
    };
    tokio::time::timeout(PATIENCE, all).await.expect("answered");
    TcpStream::connect(stage.ports.director).await.expect("still listening");
}

#[tokio::test]
async fn an_upstream_link_whose_task_panics_ends_the_daemon() {
    let upstream = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = upstream.local_addr().expect("bound");
    let mut stage = Stage::start(&format!(", connect: '{address}'")).await;
    let (mut link, _) = upstream.accept().await.expect("it connects");
    fault::want("upstream");
    link.write_all(&[1, 0, 0]).await.expect("open");
    stage.expect_end().await;
}

#[tokio::test]
async fn what_was_left_to_be_said_is_said_before_the_daemon_ends() {
    const KEPT: u16 = 50_000;
    let mut stage = Stage::start("").await;
    let leaver = stage.router.join("leaver", Inbox::new("leaver", 1, usize::MAX));
    let mut batch = leaver.batch();
    for number in 0..KEPT {
        let mut bytes = Vec::new();
        let frame = write_frame(&mut bytes, |writer| {
            Envelope::write_head(writer, &[AI], Channel(6000));
            writer.u16(number);
        });
        frame.expect("small");
        batch.add_post_remove(Channel(6000), Frame::new(&bytes).expect("one frame"));
    }
    drop(batch);
    drop(leaver);
    stage.parts.stop().await;
    let mut frames = Vec::new();
    assert!(stage.inbox.try_recv(&mut frames));
    assert_eq!(Frames::new(&frames).count(), usize::from(KEPT));
}

/// Whoever starts cannot be told yet.
#[test]
fn a_hangup_during_the_start_is_remembered() {
    let survived = survive_signals().expect("signals");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(hang_up(survived));
}

async fn hang_up(survived: Survived) {
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("donet.yml");
    fs::write(&file, "daemon: {control: control.sock}").expect("the folder is ours");
    let complete = crate::config::survey(&file).complete();
    let reading = crate::config::Reading::from(&complete.ok().expect("a correct file"));
    let started =
        Started { file, reading, log_level: None, for_programs: false, passed: Arc::default() };
    let caught = crate::telemetry::testing::Caught::from(crate::telemetry::Level::Info);
    let mut hangup =
        tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup()).expect("resources");
    let this = rustix::process::getpid();
    rustix::process::kill_process(this, rustix::process::Signal::HUP).expect("a signal");
    // It has come, and only now does the daemon run, which has read its configuration before.
    hangup.recv().await;
    let signals = Signals::new(survived).expect("signals");
    let mut operator = Operator::new(signals, started, caught.log(), Arc::default());
    let reopen = operator.anew().logs;
    tokio::select! {
        biased;
        ending = operator.wants_the_end() => panic!("{:?}", ending.signal),
        () = std::future::ready(()) => {}
    }
    assert!(!reopen.has_changed().expect("the operator is there"));
    operator.has_started(Vec::new());
    assert!(reopen.has_changed().expect("the operator is there"));
    let lines = caught.lines();
    assert!(lines[0].contains("SIGHUP: remembered until everything has started"), "{lines:?}");
}
