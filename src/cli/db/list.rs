//! `donet db list`: which objects there are, of a class or of all.

use anyhow::bail;
use clap::{Args, ValueEnum};
use serde_json::{Map, Value, json};

use super::{Database, Opened, warn_of, warn_of_damage, warn_of_oddity};
use crate::cli::out::{complain, number_of, one_line, say};
use crate::finding::near;
use crate::store::archive::Broken;
use crate::store::transfer::{self, Listed};
use crate::store::{Schema, open_archive};

/// How many values of an object are shown to people.
const VALUES_SHOWN: usize = 3;
/// How many characters of each.
const CHARS_SHOWN: usize = 40;

/// Options of `donet db list`.
#[derive(Args, Debug)]
pub(in crate::cli) struct List {
    #[command(flatten)]
    database: Database,

    /// The class whose objects are listed; without one, those of all classes
    #[arg(value_name = "CLASS")]
    class: Option<String>,

    /// How objects look
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    format: Format,
}

/// How objects look.
#[derive(Copy, Clone, PartialEq, Eq, Debug, ValueEnum)]
enum Format {
    /// Id, class and the first values in a line
    Human,
    /// One JSON object a line, with all values
    Json,
}

impl List {
    pub(super) async fn run(&self) -> anyhow::Result<u8> {
        let Opened { config, schema } = self.database.open()?;
        let mut source = open_archive(&config.backend, &schema).await?;
        warn_of_oddity(&*source);
        let half_imported = source.half_imported().await;
        let damage = source.damage().await;
        let (mut listed, mut unreadable) = (0_u64, 0_u64);
        let class = self.class.as_deref();
        let done = transfer::list(&mut *source, &schema, class, &mut |entry| {
            match &entry {
                Ok(_) => listed += 1,
                Err(_) => unreadable += 1,
            }
            match self.format {
                Format::Human => say!("{}", human(&entry)),
                Format::Json => say!("{}", json(&entry)),
            }
        })
        .await;
        let name = source.describe();
        let lost = source.lost();
        source.close().await;
        warn_of(half_imported?);
        let is_damaged = warn_of_damage(&name, &damage?);
        done?;
        lost.iter().for_each(|lost| complain!("{}", one_line(lost)));
        if let Some(class) = class.filter(|_| listed == 0) {
            self.refuse_unknown(class, &schema)?;
        }
        let of = class.map_or(String::new(), |class| format!(" of class {}", one_line(class)));
        let broken = match unreadable {
            0 => String::new(),
            count => {
                format!(", and {} that cannot be read", number_of(count, "object", "objects"))
            }
        };
        complain!("{}{of} in {name}{broken}", number_of(listed, "object", "objects"));
        Ok(u8::from(unreadable > 0 || is_damaged || !lost.is_empty()))
    }

    /// Whoever mistypes a class would take it for one without objects.
    fn refuse_unknown(&self, class: &str, schema: &Schema) -> anyhow::Result<()> {
        if schema.class_by_name(class).is_some() {
            return Ok(());
        }
        let meant = near(class, schema.dc().classes().map(dclass::Class::name));
        let meant = meant.map_or(String::new(), |meant| format!(": did you mean `{meant}`?"));
        bail!("no object is of a class `{}`, and the DC files have none{meant}", one_line(class))
    }
}

fn human(entry: &Result<Listed, Broken>) -> String {
    let listed = match entry {
        Ok(listed) => listed,
        Err(Broken { do_id, why }) => return format!("{do_id}: {}", one_line(why)),
    };
    let value = |(name, text): &(String, Result<String, String>)| match text {
        Ok(text) => format!("{} = {}", one_line(name), one_line(&short(text))),
        Err(_) => format!("{} cannot be read", one_line(name)),
    };
    let fields = &listed.shown.fields;
    let mut values: Vec<String> = fields.iter().take(VALUES_SHOWN).map(value).collect();
    if fields.len() > VALUES_SHOWN {
        values.push("…".to_owned());
    }
    let line = format!("{}: {} {}", listed.do_id, one_line(&listed.shown.class), values.join(", "));
    line.trim_end().to_owned()
}

fn short(text: &str) -> String {
    match text.char_indices().nth(CHARS_SHOWN) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

/// What cannot be read is null.
fn json(entry: &Result<Listed, Broken>) -> Value {
    match entry {
        Ok(Listed { do_id, shown }) => {
            let value = |(name, text): &(String, Result<String, String>)| {
                (name.clone(), text.clone().map_or(Value::Null, Value::String))
            };
            let fields: Map<String, Value> = shown.fields.iter().map(value).collect();
            json!({"id": do_id.0, "class": shown.class, "fields": fields})
        }
        Err(Broken { do_id, why }) => json!({"id": do_id.0, "class": null, "error": why}),
    }
}
