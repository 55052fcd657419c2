//! What people see of values, in the view `donet_content`: a text beside each, since no database can read them.

use dclass::Field;
use rustc_hash::FxHashMap;
use sqlx::AssertSqlSafe;
use tracing::info;

use super::session::{Session, SqlError};
use crate::store::{Schema, hex};

/// Of larger values the size is shown: a text of each would cost too much.
const BYTES_MAX: usize = 1 << 10;
/// Objects that are looked at in one transaction.
const PAGE: i64 = 500;

/// The text of a value: DC text, or its bytes if the DC files do not know its field.
pub fn shown(field: Option<&Field>, value: &[u8]) -> String {
    if value.len() > BYTES_MAX {
        return format!("({} bytes)", value.len());
    }
    let text = field.and_then(|field| field.format(value).ok());
    text.unwrap_or_else(|| format!("<{}>", hex(value)))
}

/// Writes the texts of all values that an earlier version has stored, if that has not been done.
///
/// # Errors
/// What the database says. It is done again then the next time.
pub async fn show_all<S: Session>(session: &mut S, schema: &Schema) -> sqlx::Result<()> {
    let marker = "SELECT count(*) FROM donet_unshown".to_owned();
    if session.number(marker).await?.unwrap_or_default() == 0 {
        return Ok(());
    }
    let mut fields = FxHashMap::default();
    for row in session.catalog().await? {
        let class = schema.class_by_name(&row.class_name);
        if let (Some((number, name, _)), Some(class)) = (row.field, class)
            && let Some(field) = class.field_by_name(&name)
        {
            fields.insert(number, field);
        }
    }
    let (mut after, mut count) = (-1, 0);
    loop {
        let ids = session.object_ids(after, PAGE).await?;
        let Some(last) = ids.last() else { break };
        match show_page(session, &ids, &fields).await {
            Ok(values) => (after, count) = (*last, count + values),
            // Another server may be doing the same.
            Err(error) if matches!(S::classify(&error), SqlError::Conflict(_)) => {
                session.rollback().await?;
            }
            Err(error) => return Err(error),
        }
    }
    if count > 0 {
        info!(values = count, "the texts of `donet_content` have been written");
    }
    session.run(AssertSqlSafe("DELETE FROM donet_unshown".to_owned())).await
}

async fn show_page(
    session: &mut impl Session,
    ids: &[i64],
    fields: &FxHashMap<i32, &Field>,
) -> sqlx::Result<usize> {
    session.begin().await?;
    let mut values = session.values(ids).await?;
    values.sort_unstable_by_key(|(object, field, _)| (*object, *field));
    let text = |(object, field, value): (i64, i32, Option<Vec<u8>>)| {
        Some((object, field, shown(fields.get(&field).copied(), &value?)))
    };
    let texts: Vec<_> = values.into_iter().filter_map(text).collect();
    session.show(&texts).await?;
    session.commit().await?;
    Ok(texts.len())
}
