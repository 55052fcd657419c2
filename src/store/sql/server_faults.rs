//! What is wrong with the tables of a server whatever the DC files say: rows that belong to none, numbers that are none, and
//! what somebody has made nothing of, where tables were altered such that they take it.

use std::collections::BTreeMap;

use super::faults::{Kind, NAMED, Reader, one_line};
use super::in_words;
use super::session::Server;

const KINDS: &[Kind] = &[
    Kind {
        query: "SELECT CONCAT('table donet_class, row ', id, ': it has no name') FROM donet_class WHERE name IS NULL \
                UNION ALL SELECT CONCAT('table donet_field, row ', id, ': it has no name') FROM donet_field \
                WHERE name IS NULL UNION ALL \
                SELECT CONCAT('table donet_field, row ', id, ' (', COALESCE(name, ''), '): it has no type') \
                FROM donet_field WHERE type IS NULL",
        many: "classes and fields without names or types",
        reader: Reader::Unconcerned,
    },
    Kind {
        query: "SELECT CONCAT('table donet_field, row ', id, ' (', COALESCE(name, ''), '): no class has the number ', \
                COALESCE(CONCAT(class_id, ''), 'NULL')) FROM donet_field f \
                WHERE NOT EXISTS (SELECT 1 FROM donet_class c WHERE c.id = f.class_id)",
        many: "fields of classes that are not there",
        reader: Reader::Unconcerned,
    },
    Kind {
        query: "SELECT CONCAT('table donet_object, row ', id, ': this is no id of an object') FROM donet_object \
                WHERE id NOT BETWEEN 0 AND 4294967295",
        many: "objects with ids that are none",
        reader: Reader::Misses,
    },
    Kind {
        query: "SELECT CONCAT('table donet_object, row ', id, ': no class has the number ', \
                COALESCE(CONCAT(class_id, ''), 'NULL')) FROM donet_object o \
                WHERE id BETWEEN 0 AND 4294967295 \
                AND NOT EXISTS (SELECT 1 FROM donet_class c WHERE c.id = o.class_id)",
        many: "objects of classes that are not there",
        reader: Reader::Meets,
    },
    Kind {
        query: "SELECT CONCAT('table donet_value: values without an object: ', count(*), ' of ', object_id) \
                FROM donet_value v WHERE NOT EXISTS (SELECT 1 FROM donet_object o WHERE o.id = v.object_id) \
                GROUP BY object_id",
        many: "objects that are not there, but have values",
        reader: Reader::Misses,
    },
    Kind {
        query: "SELECT CONCAT('table donet_value, object ', o.id, ': no field has the number ', v.field_id) \
                FROM donet_value v JOIN donet_object o ON o.id = v.object_id \
                WHERE NOT EXISTS (SELECT 1 FROM donet_field f WHERE f.id = v.field_id)",
        many: "values of fields that are not there",
        reader: Reader::Unconcerned,
    },
    Kind {
        query: "SELECT CONCAT('table donet_value, object ', o.id, ': field ', f.id, ' (', COALESCE(f.name, ''), \
                ') is one of class ', f.class_id, ', and the object is of class ', o.class_id) \
                FROM donet_value v JOIN donet_object o ON o.id = v.object_id JOIN donet_field f ON f.id = v.field_id \
                WHERE f.class_id <> o.class_id",
        many: "values of fields of another class",
        reader: Reader::Unconcerned,
    },
    Kind {
        query: "SELECT CONCAT('table donet_value, object ', object_id, ': the value of field ', field_id, ' is NULL') \
                FROM donet_value WHERE value IS NULL",
        many: "values that are no bytes",
        reader: Reader::Unconcerned,
    },
    Kind {
        query: "SELECT CONCAT('table donet_free: ', COALESCE(CONCAT(id, ''), 'NULL'), ' is no id of an object') \
                FROM donet_free WHERE id IS NULL OR id NOT BETWEEN 1 AND 4294967295 UNION ALL \
                SELECT CONCAT('table donet_given: ', id, ' is no id of an object') \
                FROM donet_given WHERE id NOT BETWEEN 0 AND 4294967295",
        many: "free or given ids that are none",
        reader: Reader::Unconcerned,
    },
    Kind {
        query: "SELECT CONCAT('table donet_free: ', f.id, ' is the id of an object that is there') \
                FROM donet_free f JOIN donet_object o ON o.id = f.id",
        many: "free ids that objects have",
        reader: Reader::Unconcerned,
    },
    // Without its key a table takes the same twice.
    Kind {
        query: "SELECT CONCAT('table donet_object: object ', id, ' is there ', count(*), ' times') FROM donet_object \
                GROUP BY id HAVING count(*) > 1",
        many: "objects that are there more than once",
        reader: Reader::Misses,
    },
    Kind {
        query: "SELECT CONCAT('table donet_value, object ', object_id, ': the value of field ', field_id, ' is there ', \
                count(*), ' times') FROM donet_value GROUP BY object_id, field_id HAVING count(*) > 1",
        many: "values that are there more than once",
        reader: Reader::Misses,
    },
    Kind {
        query: "SELECT CONCAT('table donet_field: class ', class_id, ' has the field ', name, ' ', count(*), ' times') \
                FROM donet_field WHERE name IS NOT NULL GROUP BY class_id, name HAVING count(*) > 1",
        many: "fields that are there more than once",
        reader: Reader::Misses,
    },
    Kind {
        query: "SELECT CONCAT('table donet_class: the class ', name, ' is there ', count(*), ' times') FROM donet_class \
                WHERE name IS NOT NULL GROUP BY name HAVING count(*) > 1 UNION ALL \
                SELECT CONCAT('table donet_class: the number ', id, ' is that of ', count(*), ' classes') FROM donet_class \
                GROUP BY id HAVING count(*) > 1 UNION ALL \
                SELECT CONCAT('table donet_field: the number ', id, ' is that of ', count(*), ' fields') FROM donet_field \
                GROUP BY id HAVING count(*) > 1",
        many: "classes and numbers that are there more than once",
        reader: Reader::Unconcerned,
    },
    Kind {
        query: "SELECT CONCAT('table donet_free: ', id, ' is there ', count(*), ' times, and would be given to as many objects') \
                FROM donet_free WHERE id IS NOT NULL GROUP BY id HAVING count(*) > 1",
        many: "free ids that are there more than once",
        reader: Reader::Unconcerned,
    },
];

/// Tables, and columns in the order of their names, of which donet counts on the server that no two rows have the same.
const KEYS: &[(&str, &str)] = &[
    ("donet_class", "id"),
    ("donet_class", "name"),
    ("donet_field", "id"),
    ("donet_field", "class_id, name"),
    ("donet_object", "id"),
    ("donet_value", "field_id, object_id"),
    ("donet_free", "id"),
    ("donet_given", "id"),
    ("donet_commit", "slot"),
];

/// What is wrong with a database, one line each. What whoever reads all objects `meets` with is left out then.
pub async fn faults<S: Server>(session: &mut S, meets: bool) -> Vec<String> {
    let mut faults = found(session, |kind| !(meets && kind.reader == Reader::Meets)).await;
    match session.texts(S::KEYS.to_owned()).await {
        Ok(keys) => faults.extend(missing(&keys)),
        Err(error) => {
            let why = (in_words(&error), vec!["keys that are missing"]);
            faults.extend(super::faults::unsought(BTreeMap::from([why])));
        }
    }
    faults
}

/// Keys that donet needs and that are not among these.
fn missing(keys: &[String]) -> impl Iterator<Item = String> + use<'_> {
    let is_missing =
        |(table, columns): &&(&str, &str)| !keys.contains(&format!("{table} ({columns})"));
    let line = |(table, columns): &(&str, &str)| {
        format!("table {table}: it has no key of {columns} any more, and takes the same twice")
    };
    KEYS.iter().filter(is_missing).map(line)
}

/// Why whoever reads all objects may not have read all, one line each.
pub async fn losses(session: &mut impl Server) -> Vec<String> {
    found(session, |kind| kind.reader == Reader::Misses).await
}

async fn found(session: &mut impl Server, is_sought: impl Fn(&Kind) -> bool) -> Vec<String> {
    let mut faults = Vec::new();
    let mut unsought: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for kind in KINDS.iter().filter(|kind| is_sought(kind)) {
        match rows(session, kind).await {
            Ok(rows) => faults.extend(rows),
            Err(error) => unsought.entry(in_words(&error)).or_default().push(kind.many),
        }
    }
    faults.extend(super::faults::unsought(unsought));
    faults
}

/// As of a SQLite file: triggers and a missing view.
///
/// # Errors
/// What the database says.
pub async fn alterations<S: Server>(session: &mut S) -> sqlx::Result<Vec<String>> {
    let here = S::CURRENT_SCHEMA;
    let sql = format!(
        "SELECT DISTINCT CONCAT('the trigger ', trigger_name, ' of table ', event_object_table, \
         ' is none of donet''s: what it does happens with each change') FROM information_schema.triggers \
         WHERE trigger_schema = {here} AND event_object_table LIKE 'donet%' UNION ALL \
         SELECT 'the view donet_content is missing, which shows people what is stored' \
         FROM information_schema.tables WHERE table_schema = {here} AND table_name = 'donet_schema' AND NOT EXISTS \
         (SELECT 1 FROM information_schema.views WHERE table_schema = {here} AND table_name = 'donet_content')"
    );
    Ok(session.texts(sql).await?.iter().map(|row| one_line(row)).collect())
}

async fn rows(session: &mut impl Server, kind: &Kind) -> sqlx::Result<Vec<String>> {
    let Kind { query, many, .. } = kind;
    let named = format!("SELECT * FROM ({query}) AS found LIMIT {}", NAMED + 1);
    let mut rows: Vec<String> =
        session.texts(named).await?.iter().map(|row| one_line(row)).collect();
    if rows.len() > NAMED {
        let count = session.number(format!("SELECT count(*) FROM ({query}) AS found")).await?;
        rows.truncate(NAMED);
        rows.push(format!("… and {} more {many}", count.unwrap_or_default() - NAMED as i64));
    }
    Ok(rows)
}
