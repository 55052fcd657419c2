//! All objects of a SQL database, changed in one transaction.
//!
//! A field whose values become others gets a new number, so that nobody who still knows the old one takes new values for
//! old.

use std::sync::Arc;

use rustc_hash::FxHashMap;
use sqlx::AssertSqlSafe;

use super::archive::SqlArchive;
use super::catalog::{Amendment, TypeChange};
use super::session::{Changes, Session};
use super::shown::shown;
use crate::ids::DoId;
use crate::store::archive::{Archive as _, Form, Raw};
use crate::store::layout::is_compatible;
use crate::store::rewrite::{Change, Edit, Migration, Noted, NotedField, Rewrite};
use crate::store::{BoxFuture, OpenError, Schema};

/// Made when it is first needed. Numbers of schemas are kept as signed ones.
const CREATE_PAST: &str = "CREATE TABLE IF NOT EXISTS donet_migration (seq BIGINT PRIMARY KEY, \
                           old_files BIGINT NOT NULL, new_files BIGINT NOT NULL, done BIGINT NOT NULL)";

/// The numbers of fields while their objects are changed.
#[derive(Default)]
pub struct Renumbered {
    /// By the old name of the class and the new one of the field.
    new: FxHashMap<(Arc<str>, String), i32>,
    /// Numbers whose values have all gone when the change is finished.
    gone: Vec<i32>,
    /// Numbers whose values get other ones when the change is finished: those of fields of classes that become others.
    moved: Vec<(i32, i32)>,
    /// Classes whose objects become those of another one, which had some before.
    joined: Vec<(i32, i32)>,
}

impl<S: Session> SqlArchive<S> {
    async fn read_past(&mut self) -> sqlx::Result<Vec<Migration>> {
        let count = "SELECT COALESCE(MAX(seq), 0) FROM donet_migration".to_owned();
        let count = match self.session.number(count).await {
            Ok(count) => count.unwrap_or_default(),
            // There is no such table yet.
            Err(sqlx::Error::Database(_)) => 0,
            Err(error) => return Err(error),
        };
        let mut past = Vec::new();
        for seq in 1..=count {
            let mut column = async |name: &str| {
                let sql = format!("SELECT {name} FROM donet_migration WHERE seq = {seq}");
                Ok::<_, sqlx::Error>(self.session.number(sql).await?.unwrap_or_default())
            };
            let old = column("old_files").await?.cast_unsigned();
            let new = column("new_files").await?.cast_unsigned();
            past.push(Migration { old, new, done: column("done").await? });
        }
        Ok(past)
    }

    async fn run(&mut self, sql: String) -> sqlx::Result<()> {
        self.session.run(AssertSqlSafe(sql)).await
    }

    /// Gives classes and fields their new names and numbers. What is read goes on by the old ones.
    async fn renumber(&mut self, noted: &Noted) -> sqlx::Result<Renumbered> {
        let mut numbers = Renumbered::default();
        let mut amendment = Amendment::default();
        let new_class = |old: &str| {
            let renamed = noted.classes.iter().find(|(class, _)| class == old);
            renamed.map_or_else(|| old.to_owned(), |(_, new)| new.clone())
        };
        // Names may change places, so all of them go before any comes.
        let mut names: Vec<(i32, &str)> = Vec::new();
        for (class, field, fate) in &noted.fields {
            let Some(number) = self.number_of(class, field) else { continue };
            self.run(format!("UPDATE donet_field SET name = '\u{1}{number}' WHERE id = {number}"))
                .await?;
            match fate {
                NotedField::Dropped => numbers.gone.push(number),
                NotedField::Renamed(new) => {
                    names.push((number, new));
                    numbers.new.insert((class.as_str().into(), new.clone()), number);
                }
                NotedField::Replaced(new, type_text) => {
                    numbers.gone.push(number);
                    amendment.fields.push((new_class(class), new.clone(), type_text.clone()));
                }
            }
        }
        for (number, name) in names {
            self.session.rename("donet_field", number, name).await?;
        }
        numbers.joined = self.joined(noted);
        let mut classes: Vec<(i32, &str)> = Vec::new();
        for (old, new) in &noted.classes {
            let Some(number) = self.class_number(old) else { continue };
            self.run(format!("UPDATE donet_class SET name = '\u{1}{number}' WHERE id = {number}"))
                .await?;
            if numbers.joined.iter().any(|(class, _)| *class == number) {
                continue;
            }
            classes.push((number, new));
        }
        for (number, name) in classes {
            self.session.rename("donet_class", number, name).await?;
        }
        let added = noted.added.iter();
        amendment
            .fields
            .extend(added.map(|(class, name, ty)| (new_class(class), name.clone(), ty.clone())));
        self.join_fields(&mut numbers, &mut amendment).await?;
        self.session.note(&amendment).await?;
        let rows = self.session.catalog().await?;
        for row in &rows {
            let Some(class) = self.class_name(row.class) else { continue };
            if let Some((number, name, _)) = &row.field {
                numbers.new.insert((class, name.clone()), *number);
            }
        }
        for (from, to) in &numbers.joined {
            let Some(class) = self.class_name(*from) else { continue };
            for (number, name, _) in
                rows.iter().filter(|row| row.class == *to).flat_map(|row| &row.field)
            {
                numbers.new.insert((Arc::clone(&class), name.clone()), *number);
            }
        }
        Ok(numbers)
    }

    /// Classes that get the name of another one, which a server with the new files has noted and which keeps it.
    fn joined(&self, noted: &Noted) -> Vec<(i32, i32)> {
        let keeps = |name: &str| !noted.classes.iter().any(|(old, _)| old == name);
        let joined = noted.classes.iter().filter(|(_, new)| keeps(new));
        joined
            .filter_map(|(old, new)| Some((self.class_number(old)?, self.class_number(new)?)))
            .collect()
    }

    /// Gives the fields of classes that become others, which have their new names by now, to those, unless they have such
    /// fields: then the values go to them.
    async fn join_fields(
        &mut self,
        numbers: &mut Renumbered,
        amendment: &mut Amendment,
    ) -> sqlx::Result<()> {
        if numbers.joined.is_empty() {
            return Ok(());
        }
        let rows = self.session.catalog().await?;
        let fields = |class: i32| {
            rows.iter().filter(move |row| row.class == class).flat_map(|row| &row.field)
        };
        for (from, to) in numbers.joined.clone() {
            let class_name = self.class_name(to).map_or(String::new(), |name| name.to_string());
            let mut types: Vec<(&str, &str)> = Vec::new();
            for (number, name, type_text) in
                fields(from).filter(|(number, ..)| !numbers.gone.contains(number))
            {
                types.push((name, type_text));
                match fields(to).find(|(_, other, _)| other == name) {
                    Some((other, ..)) => numbers.moved.push((*number, *other)),
                    None => {
                        let sql =
                            format!("UPDATE donet_field SET class_id = {to} WHERE id = {number}");
                        self.run(sql).await?;
                    }
                }
            }
            let come = amendment.fields.iter().filter(|(class, ..)| *class == class_name);
            types.extend(come.map(|(_, name, type_text)| (&**name, &**type_text)));
            // Of another type there are no values: they would not be those of the new files.
            for (number, name, stored) in fields(to) {
                let current = types.iter().find(|(other, _)| other == name).map(|(_, text)| *text);
                if let Some(current) = current.filter(|current| !is_compatible(stored, current)) {
                    amendment.changed.push(TypeChange {
                        field: *number,
                        class_name: class_name.clone(),
                        name: name.clone(),
                        stored: stored.clone(),
                        current: current.to_owned(),
                    });
                }
            }
        }
        Ok(())
    }

    /// What a change of objects comes to.
    fn changes(&self, changes: &[Change]) -> Result<Changes, OpenError> {
        let mut all = Changes::default();
        for change in changes {
            let id = i64::from(change.do_id.0);
            let old_class = change.class.0.as_str();
            let new_class = self.schema.class_by_name(&change.class.1);
            let mut remove = |old: &str| {
                let number = self.number_of(old_class, old);
                // Those of a number that goes as a whole go with it.
                let number = number.filter(|number| !self.renumbered.gone.contains(number));
                all.removed.extend(number.map(|number| (id, number)));
            };
            let class: Arc<str> = old_class.into();
            for edit in &change.edits {
                match edit {
                    Edit::Drop { old } => remove(old),
                    // The field has the new name already.
                    Edit::Rename { .. } => {}
                    Edit::Set { old, new, value } => {
                        if let Some(old) = old {
                            remove(old);
                        }
                        let Raw::Packed { value, .. } = value else {
                            unreachable!("values are given packed");
                        };
                        let key = (Arc::clone(&class), new.clone());
                        let Some(number) = self.renumbered.new.get(&key).copied() else {
                            return Err(self.lacks(change.do_id, old_class, new));
                        };
                        let field = new_class.and_then(|class| class.field_by_name(new));
                        all.values.push((id, number, value.clone(), shown(field, value)));
                    }
                }
            }
        }
        Ok(all)
    }

    /// The tables of classes and fields have been changed by somebody else.
    fn lacks(&self, do_id: DoId, class: &str, field: &str) -> OpenError {
        OpenError::Damaged(format!(
            "nothing is written: {} is damaged: the table donet_field has no row for {class}.{field}, of which object {do_id} \
             has a value\nput a backup in its place",
            self.describe()
        ))
    }

    async fn end(&mut self, migration: Migration) -> sqlx::Result<()> {
        let Renumbered { mut gone, moved, joined, .. } = std::mem::take(&mut self.renumbered);
        for (from, to) in moved {
            self.run(format!("UPDATE donet_value SET field_id = {to} WHERE field_id = {from}"))
                .await?;
            gone.push(from);
        }
        if !gone.is_empty() {
            let gone: Vec<String> = gone.iter().map(i32::to_string).collect();
            let gone = gone.join(", ");
            self.run(format!("DELETE FROM donet_value WHERE field_id IN ({gone})")).await?;
            self.run(format!("DELETE FROM donet_field WHERE id IN ({gone})")).await?;
        }
        for (from, to) in joined {
            self.run(format!("UPDATE donet_object SET class_id = {to} WHERE class_id = {from}"))
                .await?;
            self.run(format!("DELETE FROM donet_class WHERE id = {from}")).await?;
        }
        let Migration { old, new, done } = migration;
        let (old, new) = (old.cast_signed(), new.cast_signed());
        let sql = "SELECT COALESCE(MAX(seq), 0) + 1 FROM donet_migration".to_owned();
        let seq = self.session.number(sql).await?.unwrap_or(1);
        self.run(format!("INSERT INTO donet_migration VALUES ({seq}, {old}, {new}, {done})"))
            .await?;
        self.session.commit().await
    }
}

impl<S: Session> Rewrite for SqlArchive<S> {
    fn form(&self) -> Form {
        Form::Packed
    }

    fn past(&mut self) -> BoxFuture<'_, Result<Vec<Migration>, OpenError>> {
        let failed = self.failed("cannot read");
        Box::pin(async { self.read_past().await.map_err(failed) })
    }

    fn noted(&self) -> Vec<(String, String, String)> {
        self.noted_types()
    }

    fn begin<'a>(
        &'a mut self,
        noted: &'a Noted,
        schema: &'a Schema,
    ) -> BoxFuture<'a, Result<(), OpenError>> {
        let failed = self.failed("cannot change the classes of");
        self.schema = schema.clone();
        Box::pin(async move {
            let begun = async {
                // MySQL ends a transaction when a table is made.
                self.session.run(CREATE_PAST).await?;
                self.session.begin().await?;
                self.session.run(S::LOCK_OUT).await?;
                self.is_changing = true;
                self.renumbered = self.renumber(noted).await?;
                Ok(())
            };
            begun.await.map_err(failed)
        })
    }

    fn change<'a>(&'a mut self, changes: &'a [Change]) -> BoxFuture<'a, Result<(), OpenError>> {
        let failed = self.failed("cannot write into");
        Box::pin(async move {
            let changes = self.changes(changes)?;
            self.session.write(&changes).await.map_err(failed)
        })
    }

    fn remove<'a>(&'a mut self, ids: &'a [DoId]) -> BoxFuture<'a, Result<(), OpenError>> {
        let failed = self.failed("cannot write into");
        Box::pin(async move {
            let ids: Vec<i64> = ids.iter().map(|id| i64::from(id.0)).collect();
            let changes = Changes {
                taken: ids.clone(),
                deleted: ids.clone(),
                freed: ids,
                ..Changes::default()
            };
            self.session.write(&changes).await.map_err(failed)
        })
    }

    fn finish(&mut self, migration: Migration) -> BoxFuture<'_, Result<(), OpenError>> {
        let failed = self.failed("cannot commit to");
        Box::pin(async move {
            self.end(migration).await.map_err(failed)?;
            self.is_changing = false;
            Ok(())
        })
    }
}
