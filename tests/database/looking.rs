//! Servers' databases that are only looked at, and rows in them that somebody has altered.

use std::sync::Arc;

use donet::config::BackendConfig;
use donet::hash::Seed;
use donet::store::{
    self, Command, Schema, check_start, open_archive, open_archive_mut, open_rewrite, transfer,
};

use crate::harness::{Cluster, Setup};
use crate::stores::{execute_in, number_in};

fn schema(setup: &Setup) -> Schema {
    Schema::new(Arc::clone(&setup.dc))
}

/// How many of donet's tables there are.
async fn tables(setup: &Setup) -> i64 {
    let of = match &setup.backend {
        BackendConfig::MySql { .. } => "database()",
        _ => "current_schema()",
    };
    let sql = format!(
        "SELECT count(*) FROM information_schema.tables WHERE table_schema = {of} AND table_name LIKE 'donet%'"
    );
    number_in(&setup.backend, &sql).await
}

pub async fn who_looks_makes_no_tables(setup: Setup) {
    let schema = schema(&setup);
    let mut archive = open_archive(&setup.backend, &schema).await.expect("opens");
    assert_eq!(archive.count().await.expect("counted"), 0);
    assert!(archive.oddity().is_some_and(|odd| odd.contains("has no tables of donet's")));
    let (mut progress, mut tell) = (|_, _, _| {}, |_, _| {});
    let verified = transfer::verify(&mut *archive, &schema, &mut progress, &mut tell).await;
    assert_eq!(verified.expect("read"), 0);
    archive.close().await;
    check_start(&setup.config(), &schema).await.expect("the daemon would start");
    let Err(refused) = open_rewrite(&setup.backend, &schema, None).await else {
        panic!("there is nothing to migrate");
    };
    assert!(refused.to_string().contains("has no tables of donet's"), "{refused}");
    assert_eq!(tables(&setup).await, 0);
}

pub async fn who_looks_brings_nothing_up_to_date(setup: Setup) {
    let schema = schema(&setup);
    let mut cluster = Cluster::start(&setup).await;
    let do_id = cluster.create("Person", &[("Person.coins", "1")]).await;
    cluster.stop().await;
    let back = match &setup.backend {
        BackendConfig::MySql { .. } => "DELETE FROM donet_schema WHERE version > 2",
        _ => "UPDATE donet_schema SET version = 2",
    };
    execute_in(&setup.backend, &format!("DROP TABLE donet_given; {back}")).await;
    let before = tables(&setup).await;
    let errors = [
        open_archive(&setup.backend, &schema).await.err(),
        open_rewrite(&setup.backend, &schema, None).await.err(),
    ];
    for error in errors {
        let error = error.expect("they are of an earlier version").to_string();
        for part in ["have version 2, of an earlier donet", "start this donet on it once"] {
            assert!(error.contains(part), "{error}");
        }
    }
    check_start(&setup.config(), &schema).await.expect("the daemon would start");
    assert_eq!(tables(&setup).await, before);
    Cluster::start(&setup).await.stop().await;
    let mut archive = open_archive(&setup.backend, &schema).await.expect("up to date");
    assert_eq!(archive.find(&[do_id]).await.expect("read").len(), 1);
    archive.free_ids().await.expect("read");
    archive.close().await;
}

/// As in a SQLite file: a cell that says nothing costs what it is about, and is named.
pub async fn a_cell_that_is_null_costs_only_what_it_is_about(setup: Setup) {
    let schema = schema(&setup);
    let mut cluster = Cluster::start(&setup).await;
    let values = [("Person.coins", "1"), ("Person.setName", "(\"Ada\")")];
    let person = cluster.create("Person", &values).await;
    let other = cluster.create("Other", &[("Other.setElse", "(7)")]).await;
    let unknown = cluster.create("Person", &values).await;
    cluster.stop().await;
    let nullable = match &setup.backend {
        BackendConfig::MySql { .. } => {
            "ALTER TABLE donet_class MODIFY name VARCHAR(255) NULL; \
             ALTER TABLE donet_object MODIFY class_id INTEGER NULL; \
             ALTER TABLE donet_value MODIFY value MEDIUMBLOB NULL;"
        }
        _ => {
            "ALTER TABLE donet_class ALTER COLUMN name DROP NOT NULL; \
             ALTER TABLE donet_object ALTER COLUMN class_id DROP NOT NULL; \
             ALTER TABLE donet_value ALTER COLUMN value DROP NOT NULL;"
        }
    };
    let damage = format!(
        "{nullable} UPDATE donet_class SET name = NULL WHERE name = 'Other'; \
         DROP VIEW donet_content; \
         UPDATE donet_object SET class_id = NULL WHERE id = {unknown}; \
         UPDATE donet_value SET value = NULL WHERE object_id = {person} \
         AND field_id IN (SELECT id FROM donet_field WHERE name = 'coins');"
    );
    execute_in(&setup.backend, &damage).await;
    let problems = verified(&setup).await;
    for part in [
        "table donet_class, row ",
        ": it has no name",
        "is NULL",
        "the view donet_content is missing",
        &format!("object {other}: no class has the number "),
        &format!("object {unknown}: no class has a number"),
        &format!("object {person}: Person.coins: what its table has there are no bytes"),
    ] {
        assert!(problems.iter().any(|problem| problem.contains(part)), "{part}: {problems:#?}");
    }
    let any = Command { old: 1, new: 2, map: 3, words: String::new() };
    let Err(refused) = open_rewrite(&setup.backend, &schema, Some(&any)).await else {
        panic!("it is damaged");
    };
    assert!(refused.to_string().contains("nothing is written"), "{refused}");
    let mut cluster = Cluster::start(&setup).await;
    cluster.expect_field(person, "Person.setName", Some("(\"Ada\")")).await;
    cluster.expect_field(person, "Person.coins", None).await;
    cluster.expect_no_object(unknown).await;
    cluster.set(person, "Person.coins", "5");
    cluster.expect_set(person, "Person.coins", "5").await;
    cluster.expect_field(person, "Person.coins", Some("5")).await;
    cluster.stop().await;
}

/// All that `verify` says of the stored objects.
async fn verified(setup: &Setup) -> Vec<String> {
    let schema = schema(setup);
    let mut archive = open_archive(&setup.backend, &schema).await.expect("opens");
    let mut problems = Vec::new();
    let tell = &mut |problem: String, _| problems.push(problem);
    transfer::verify(&mut *archive, &schema, &mut |_, _, _| {}, tell).await.expect("read");
    archive.close().await;
    problems
}

/// Where somebody has dropped a key, the same may be there twice.
pub async fn what_is_there_twice_is_named(setup: Setup) {
    let schema = schema(&setup);
    let mut cluster = Cluster::start(&setup).await;
    let person = cluster.create("Person", &[("Person.coins", "1")]).await;
    cluster.stop().await;
    assert_eq!(verified(&setup).await, [""; 0]);
    let keys = match &setup.backend {
        BackendConfig::MySql { .. } => {
            "ALTER TABLE donet_object DROP PRIMARY KEY; ALTER TABLE donet_value DROP PRIMARY KEY; \
             ALTER TABLE donet_free DROP KEY id; ALTER TABLE donet_class DROP KEY name;"
        }
        _ => {
            "ALTER TABLE donet_object DROP CONSTRAINT donet_object_pkey; \
             ALTER TABLE donet_value DROP CONSTRAINT donet_value_pkey; \
             ALTER TABLE donet_free DROP CONSTRAINT donet_free_id_key; \
             ALTER TABLE donet_class DROP CONSTRAINT donet_class_name_key;"
        }
    };
    execute_in(&setup.backend, keys).await;
    let missing = verified(&setup).await;
    for part in ["donet_object", "donet_value", "donet_free", "donet_class"] {
        let line = format!("table {part}: it has no key of ");
        assert!(missing.iter().any(|problem| problem.starts_with(&line)), "{line}: {missing:#?}");
    }
    assert_eq!(missing.len(), 4, "{missing:#?}");
    let twice = "INSERT INTO donet_object SELECT id, class_id FROM donet_object; \
         INSERT INTO donet_value (object_id, field_id, value, text) \
         SELECT object_id, field_id, value, text FROM donet_value \
         WHERE field_id IN (SELECT id FROM donet_field WHERE name = 'coins'); \
         INSERT INTO donet_free (id) VALUES (77), (77); \
         INSERT INTO donet_class (name) VALUES ('Person')";
    execute_in(&setup.backend, twice).await;
    let problems = verified(&setup).await;
    let object = format!("table donet_object: object {person} is there 2 times");
    let value = format!("table donet_value, object {person}: the value of field ");
    let class = "table donet_class: the class Person is there 2 times";
    for part in [&object, &value, class, "table donet_free: 77 is there 2 times"] {
        assert!(problems.iter().any(|problem| problem.contains(part)), "{part}: {problems:#?}");
    }
    let mut archive = open_archive(&setup.backend, &schema).await.expect("opens");
    let damage = archive.damage().await.expect("read");
    assert!(damage.len() == 2 && damage[0] == object, "{damage:#?}");
    let [Ok(record)] = &archive.find(&[person]).await.expect("read")[..] else {
        panic!("it is one object");
    };
    assert_eq!(record.values.iter().filter(|(name, _)| name == "coins").count(), 1);
    archive.close().await;
    let refused = open_rewrite(&setup.backend, &schema, None).await.err().expect("damaged");
    assert!(refused.to_string().contains(&object), "{refused}");
}

/// Nobody takes tables for none because nothing says their version.
pub async fn tables_without_a_version_are_damage(setup: Setup) {
    let schema = schema(&setup);
    let mut cluster = Cluster::start(&setup).await;
    cluster.create("Person", &[("Person.coins", "1")]).await;
    cluster.stop().await;
    let before = tables(&setup).await;
    for (damage, gone) in [("DELETE FROM donet_schema", 0), ("DROP TABLE donet_schema", 1)] {
        execute_in(&setup.backend, damage).await;
        let errors = [
            open_archive(&setup.backend, &schema).await.err(),
            open_archive_mut(&setup.backend, &schema).await.err(),
            open_rewrite(&setup.backend, &schema, None).await.err(),
            check_start(&setup.config(), &schema).await.err(),
            store::open(&setup.config(), &schema, Seed::random(), None).await.err(),
        ];
        for error in errors {
            let error = error.expect("nothing says what the tables are").to_string();
            let why = "is damaged: the table donet_schema does not say the version of its tables";
            assert!(error.contains(why), "{damage}: {error}");
        }
        assert_eq!(tables(&setup).await, before - gone);
    }
}
