//! What only some stores do: types that change, several servers, lost connections, files that people edit.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use donet::config::BackendConfig;
use donet::hash::Seed;
use donet::ids::DoId;
use donet::message::Database;
use donet::store::{self, Operation, Outcome, Progress, Schema, Selection};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _};

use crate::harness::{Cluster, DC, Setup, parse_dc};
use crate::stores::disconnect_all;

pub async fn a_type_that_means_something_else_is_refused(mut setup: Setup) {
    let mut cluster = Cluster::start(&setup).await;
    cluster.create("Person", &[("Person.coins", "5")]).await;
    cluster.stop().await;
    setup.dc = parse_dc(&DC.replace("uint32 coins", "int16/10 coins"));
    let Err(error) = Cluster::try_start(&setup).await else {
        panic!("the values would be misread");
    };
    let error = format!("{error:#}");
    for part in ["Person.coins", "`uint32`", "`int16/10`", "donet db migrate"] {
        assert!(error.contains(part), "{part} is missing in: {error}");
    }
    setup.dc = parse_dc(DC);
    Cluster::start(&setup).await.stop().await;
}

pub async fn two_servers_share_a_database(setup: Setup) {
    const COUNT: usize = 40;
    let mut other_setup = setup.clone();
    other_setup.range = (2_000_000, 2_000_100);
    let mut this = Setup { range: (1_000_000, 1_000_100), ..setup };
    let mut one = Cluster::start(&this).await;
    let mut two = Cluster::start(&other_setup).await;
    let mut ids = Vec::new();
    for coins in 0..COUNT {
        let coins = coins.to_string();
        let values = [("Person.coins", coins.as_str())];
        ids.push(one.create("Person", &values).await);
        ids.push(two.create("Person", &values).await);
    }
    // Each reads what the other has written.
    for (index, do_id) in ids.iter().enumerate() {
        let reader = if index % 2 == 0 { &mut two } else { &mut one };
        let coins = (index / 2).to_string();
        reader.expect_field(*do_id, "Person.coins", Some(&coins)).await;
    }
    let mut distinct = ids.clone();
    distinct.sort_unstable();
    distinct.dedup();
    assert_eq!(distinct.len(), 2 * COUNT);
    one.stop().await;
    two.stop().await;
    // Servers whose ranges overlap by mistake still give no id twice.
    this.range = (1_000_000, 1_000_100);
    let mut one = Cluster::start(&this).await;
    let mut same = Cluster::start(&this).await;
    let mut more = Vec::new();
    for _ in 0..3 {
        more.push(one.create("Thing", &[]).await);
        more.push(same.create("Thing", &[]).await);
    }
    more.extend(&ids);
    more.sort_unstable();
    let count = more.len();
    more.dedup();
    assert_eq!(more.len(), count);
    one.stop().await;
    same.stop().await;
}

pub async fn a_lost_connection_is_made_again(setup: Setup) {
    let mut cluster = Cluster::start(&setup).await;
    let do_id = cluster.create("Person", &[("Person.coins", "1")]).await;
    for coins in ["2", "3"] {
        disconnect_all(&setup.backend).await;
        cluster.set(do_id, "Person.coins", coins);
        cluster.expect_set(do_id, "Person.coins", coins).await;
        disconnect_all(&setup.backend).await;
        cluster.expect_field(do_id, "Person.coins", Some(coins)).await;
    }
    cluster.stop().await;
}

fn directory(setup: &Setup) -> PathBuf {
    match &setup.backend {
        BackendConfig::Yaml { directory, .. } => directory.clone(),
        other => panic!("{other:?} is no YAML directory"),
    }
}

pub async fn files_keep_what_cannot_be_read(setup: Setup) {
    let directory = directory(&setup);
    fs::create_dir_all(&directory).expect("created");
    let file = directory.join("1000000.yaml");
    let text = "id: 1000000\nclass: Person\nfields:\n  setName: (\"Ada\")\n  setAge: (4000)\n  \
                setPlace: (oops\n  setMark: [1, {a: b}]\n  \
                old: (1)\n  older: [2]\nnote: mine\ntags: [a, b]";
    fs::write(&file, text).expect("written");
    let mut cluster = Cluster::start(&setup).await;
    let do_id = DoId(1_000_000);
    // One value that cannot be read does not take its neighbours with it.
    cluster.expect_field(do_id, "Person.setName", Some("(\"Ada\")")).await;
    cluster.expect_field(do_id, "Person.setAge", None).await;
    cluster.expect_object(do_id, "Person", &[("Person.setName", "(\"Ada\")")]).await;
    cluster.set(do_id, "Person.coins", "5");
    cluster.expect_set(do_id, "Person.coins", "5").await;
    let expected = text.replace("  old:", "  coins: 5\n  old:");
    assert_eq!(fs::read_to_string(&file).expect("read"), expected);
    cluster.set(do_id, "Person.setAge", "(4)");
    cluster.expect_set(do_id, "Person.setAge", "(4)").await;
    cluster.set(do_id, "Person.setPlace", "({1, 2})");
    cluster.expect_set(do_id, "Person.setPlace", "({1, 2})").await;
    let values = [
        ("Person.setName", "(\"Ada\")"),
        ("Person.setAge", "(4)"),
        ("Person.setPlace", "({1, 2})"),
        ("Person.coins", "5"),
    ];
    cluster.expect_object(do_id, "Person", &values).await;
    cluster.stop().await;
}

pub async fn a_broken_file_fails_alone_and_stays(setup: Setup) {
    let directory = directory(&setup);
    fs::create_dir_all(&directory).expect("created");
    let broken = [
        ("1000000.yaml", "id: [1000000"),
        ("1000001.yaml", "class: [Person]\nfields: {setName: (\"x\")}"),
    ];
    for (name, text) in broken {
        fs::write(directory.join(name), text).expect("written");
    }
    fs::write(directory.join("1000002.yaml"), "class: Person\nfields: {coins: 0x10}\n")
        .expect("written");
    let mut cluster = Cluster::start(&setup).await;
    for id in [1_000_000, 1_000_001] {
        cluster.expect_no_object(DoId(id)).await;
        cluster.set(DoId(id), "Person.coins", "1");
        cluster.send(&Database::ObjectDelete { do_id: DoId(id) });
        cluster.expect_silence().await;
    }
    cluster.expect_object(DoId(1_000_002), "Person", &[("Person.coins", "16")]).await;
    // `info.yaml` is missing, and no id of an object is given again.
    assert_eq!(cluster.create("Thing", &[]).await, DoId(1_000_003));
    cluster.stop().await;
    for (name, text) in broken {
        assert_eq!(fs::read_to_string(directory.join(name)).expect("read"), text);
    }
    let info = fs::read_to_string(directory.join("info.yaml")).expect("read");
    assert_eq!(info, "next: 1000004");
}

pub async fn a_directory_of_astron_goes_on_where_it_was(setup: Setup) {
    let directory = directory(&setup);
    fs::create_dir_all(&directory).expect("created");
    // A range that was changed, a free id whose object is there, one that is out of range.
    let info = "next: 7\nfree:\n  - 1000001\n  - 1000000\n  - 5";
    fs::write(directory.join("info.yaml"), info).expect("written");
    fs::write(directory.join("1000001.yaml"), "id: 1000001\nclass: Thing\nfields:\n  {}")
        .expect("written");
    let range = (1_000_000, 1_000_002);
    let mut cluster = Cluster::start(&Setup { range, ..setup }).await;
    assert_eq!(cluster.create("Thing", &[]).await, DoId(1_000_002));
    assert_eq!(cluster.create("Thing", &[]).await, DoId(1_000_000));
    assert_eq!(cluster.create("Thing", &[]).await, DoId(0));
    cluster.send(&Database::ObjectDelete { do_id: DoId(1_000_001) });
    let deleted = Database::ObjectDelete { do_id: DoId(1_000_001) };
    cluster.expect_broadcast(DoId(1_000_001), &deleted).await;
    let info = fs::read_to_string(directory.join("info.yaml")).expect("read");
    assert_eq!(info, "next: 1000003\nfree:\n  - 1000001");
    cluster.stop().await;
}

pub async fn a_directory_has_one_server(setup: Setup) {
    let cluster = Cluster::start(&setup).await;
    let error = Cluster::try_start(&Setup { timeout_ms: 1, ..setup }).await;
    let error = error.err().map(|error| format!("{error:#}")).expect("it is in use");
    assert!(error.contains("in use by another process"), "{error}");
    cluster.stop().await;
}

/// A cell of the wrong type costs what it is about, and nothing that is read together with it.
pub async fn a_cell_of_the_wrong_type_costs_only_what_it_is(setup: Setup) {
    let BackendConfig::Sqlite { file, .. } = &setup.backend else {
        panic!("{:?} is no file", setup.backend);
    };
    let mut cluster = Cluster::start(&setup).await;
    let values = [("Person.setName", "(\"Ada\")"), ("Person.coins", "5")];
    let [odd, classless, fine] = [1_000_000, 1_000_001, 1_000_002].map(DoId);
    for do_id in [odd, classless, fine] {
        assert_eq!(cluster.create("Person", &values).await, do_id);
    }
    cluster.stop().await;
    alter(
        file,
        "UPDATE donet_value SET value = 7 WHERE object_id = 1000000 AND length(value) = 4; \
         UPDATE donet_object SET class_id = 'x' WHERE id = 1000001; \
         UPDATE donet_class SET name = CAST(name AS BLOB); PRAGMA wal_checkpoint(TRUNCATE)",
    )
    .await;
    let schema = Schema::new(Arc::clone(&setup.dc));
    let backend =
        store::open(&setup.config(), &schema, Seed::random(), None).await.expect("opened");
    let get = |do_id| Arc::new(Operation::Get { do_id, selection: Selection::All });
    let together = [odd, classless, fine].map(get);
    let got = backend.run(&together, None, &Progress::default()).await.expect("read");
    let count = |outcome: &Outcome| match outcome {
        Outcome::Object { values, .. } => Some(values.len()),
        _ => None,
    };
    assert_eq!(got.iter().map(count).collect::<Vec<_>>(), [Some(3), None, Some(4)]);
    backend.close().await;
}

/// Does what nobody should.
async fn alter(file: &Path, sql: &str) {
    let options = SqliteConnectOptions::new().filename(file);
    let mut connection = options.connect().await.expect("opened");
    let sql = AssertSqlSafe(sql.to_owned());
    sqlx::raw_sql(sql).execute(&mut connection).await.expect("altered");
    connection.close().await.expect("closed");
}

/// A backend begins nothing for which somebody was answered, and says when nobody may be any more.
pub async fn what_was_answered_is_not_begun(setup: Setup) {
    let schema = Schema::new(Arc::clone(&setup.dc));
    let class = setup.dc.class_by_name("Plain").expect("a class of the DC file").id();
    let backend =
        store::open(&setup.config(), &schema, Seed::random(), None).await.expect("opened");
    let batch = [Arc::new(Operation::Create { class, values: Vec::new() })];
    let progress = Progress::default();
    assert!(progress.give_up());
    assert_eq!(backend.run(&batch, None, &progress).await, Err(store::Error::Late));
    progress.start_over();
    let created = Ok(vec![Outcome::Created(DoId(1_000_000))]);
    assert_eq!(backend.run(&batch, None, &progress).await, created);
    assert!(!progress.give_up(), "it is stored");
    backend.close().await;
}
