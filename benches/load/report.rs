//! Medians over runs, as a table for people or JSON for machines.

use serde_json::{Map, Value, json};

use crate::scenario::{Sample, Scenario};

/// All runs of one scenario with one variant.
pub struct Row {
    pub variant: String,
    pub samples: Vec<Sample>,
    /// Why runs failed.
    pub failures: Vec<String>,
    /// Why it could not take part.
    pub skipped: Option<String>,
    /// Whether a failure is one of the bench, and not of what is only there to be compared with.
    pub must_pass: bool,
}

/// One column: its title, its name in JSON, and how many decimals people want to see.
struct Column {
    title: &'static str,
    name: &'static str,
    decimals: usize,
    value: fn(&Sample) -> Option<f64>,
}

const fn column(
    title: &'static str,
    name: &'static str,
    decimals: usize,
    value: fn(&Sample) -> Option<f64>,
) -> Column {
    Column { title, name, decimals, value }
}

const MIB: f64 = 1024.0 * 1024.0;

/// What is compared: ratios are printed of these.
const COLUMNS: &[Column] = &[
    column("per s", "units_per_s", 0, |s| Some(s.units as f64 / s.measured.wall.as_secs_f64())),
    column("cpu us", "cpu_us", 3, |s| Some(s.measured.cpu?.as_secs_f64() * 1e6 / s.units as f64)),
    column("p50 us", "p50_us", 1, |s| Some(s.latency?.p50)),
    column("p99 us", "p99_us", 1, |s| Some(s.latency?.p99)),
    column("p99.9 us", "p999_us", 1, |s| Some(s.latency?.p999)),
    column("peak MiB", "peak_rss_mib", 1, |s| Some(s.peak_rss? as f64 / MIB)),
    column("B/thing", "rss_bytes_per_thing", 0, |s| s.rss_per_thing),
];
/// Columns about the run itself, which no ratio is made of.
const CONDITIONS: &[Column] = &[
    column("cores", "daemon_cores", 2, |s| {
        Some(s.measured.cpu?.as_secs_f64() / s.measured.wall.as_secs_f64())
    }),
    column("bench us", "bench_cpu_us", 3, |s| {
        Some(s.measured.harness_cpu.as_secs_f64() * 1e6 / s.units as f64)
    }),
    column("other", "other_load", 2, |s| s.measured.other_load),
];

impl Row {
    /// Of a variant that has not run yet.
    pub fn new(variant: String, must_pass: bool) -> Row {
        Row { variant, samples: Vec::new(), failures: Vec::new(), skipped: None, must_pass }
    }

    fn median(&self, column: &Column) -> Option<f64> {
        median(self.samples.iter().filter_map(column.value).collect())
    }

    fn extras(&self) -> Vec<(&'static str, f64)> {
        let Some(first) = self.samples.first() else {
            return Vec::new();
        };
        let value = |index: usize| median(self.samples.iter().map(|s| s.extra[index].1).collect());
        (0..first.extra.len()).filter_map(|i| Some((first.extra[i].0, value(i)?))).collect()
    }
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    let upper = *values.get(middle)?;
    Some(if values.len().is_multiple_of(2) { (values[middle - 1] + upper) / 2.0 } else { upper })
}

/// Prints a scenario's rows and the ratio of the first to each other.
pub fn print(scenario: &Scenario, rows: &[Row], scale: f64) {
    let scaled = if scale == 1.0 { String::new() } else { format!(" (times {scale})") };
    println!("\n{}: {}{scaled}", scenario.name, scenario.what);
    let thing = if scenario.thing.is_empty() { "" } else { ", thing: " };
    print!("  {:<28}", format!("(unit: {}{thing}{})", scenario.unit, scenario.thing));
    let shown: Vec<&Column> = COLUMNS
        .iter()
        .chain(CONDITIONS)
        .filter(|column| rows.iter().any(|row| row.median(column).is_some()))
        .collect();
    shown.iter().for_each(|column| print!("{:>12}", column.title));
    println!();
    for row in rows {
        print!("  {:<28}", row.variant);
        for column in &shown {
            match row.median(column) {
                Some(value) => print!("{value:>12.*}", column.decimals),
                None => print!("{:>12}", "-"),
            }
        }
        println!();
        let extras = row.extras();
        if !extras.is_empty() {
            let text: Vec<String> = extras.iter().map(|(n, v)| format!("{n} {v:.3}")).collect();
            println!("    {}", text.join(", "));
        }
        if let Some(reason) = &row.skipped {
            println!("    skipped: {reason}");
        }
        for failure in &row.failures {
            println!("    failed: {}", failure.replace('\n', "\n      "));
        }
    }
    let Some((first, others)) = rows.split_first() else {
        return;
    };
    for other in others {
        print!("  {:<28}", format!("ratio to {}", other.variant));
        for column in &shown {
            match ratio(first, other, column) {
                Some(ratio) => print!("{:>12}", format!("x{ratio:.2}")),
                None => print!("{:>12}", ""),
            }
        }
        println!();
    }
}

fn ratio(first: &Row, other: &Row, column: &Column) -> Option<f64> {
    let compared = COLUMNS.iter().any(|c| c.name == column.name);
    let (first, other) = (first.median(column)?, other.median(column)?);
    (compared && other > 0.0).then_some(first / other)
}

/// A scenario's rows with every run.
pub fn to_json(scenario: &Scenario, rows: &[Row], scale: f64) -> Value {
    let rows: Vec<Value> = rows
        .iter()
        .map(|row| {
            let runs: Vec<Value> = row.samples.iter().map(sample_json).collect();
            let mut median = Map::new();
            for column in COLUMNS.iter().chain(CONDITIONS) {
                row.median(column).map(|value| median.insert(column.name.into(), json!(value)));
            }
            for (name, value) in row.extras() {
                median.insert(name.into(), json!(value));
            }
            json!({
                "variant": row.variant, "median": median, "runs": runs, "failures": row.failures,
                "skipped": row.skipped,
            })
        })
        .collect();
    json!({
        "scenario": scenario.name, "what": scenario.what, "scale": scale, "unit": scenario.unit,
        "thing": scenario.thing, "rows": rows,
    })
}

fn sample_json(sample: &Sample) -> Value {
    let mut fields = Map::new();
    fields.insert("units".into(), json!(sample.units));
    fields.insert("wall_s".into(), json!(sample.measured.wall.as_secs_f64()));
    for column in COLUMNS.iter().chain(CONDITIONS) {
        (column.value)(sample).map(|value| fields.insert(column.name.into(), json!(value)));
    }
    for (name, value) in &sample.extra {
        fields.insert((*name).into(), json!(value));
    }
    Value::Object(fields)
}
