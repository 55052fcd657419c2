//! Figures as text, in the format OpenMetrics.

use std::borrow::Cow;
use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::{Registry, Unit};

use crate::metrics::{self, Figures, Kind, Metric, Value};

/// What has labels tells half of the limits: there are many of it.
const STEP_WITH_LABELS: usize = 2;

/// All metrics, with what there is to be told of them.
#[derive(Debug)]
struct All(Figures);

/// The text of all metrics.
///
/// # Errors
/// If the encoder has any.
pub fn encode(figures: Figures) -> Result<String, fmt::Error> {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(All(figures)));
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &registry)?;
    Ok(text)
}

impl Collector for All {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        for &metric in metrics::ALL {
            let (name, unit) = parts(metric.name);
            let kind = match metric.kind {
                Kind::Counter => MetricType::Counter,
                Kind::Gauge => MetricType::Gauge,
                Kind::Histogram => MetricType::Histogram,
            };
            let help = format!("{}.", metric.help);
            let mut encoder = encoder.encode_descriptor(name, &help, unit.as_ref(), kind)?;
            for (labels, value) in self.0.of(metric) {
                let pairs: Vec<(&str, Cow<'static, str>)> =
                    metric.labels.iter().copied().zip(labels).collect();
                if pairs.is_empty() {
                    write(&mut encoder, metric, &value)?;
                } else {
                    write(&mut encoder.encode_family(&pairs)?, metric, &value)?;
                }
            }
        }
        Ok(())
    }
}

/// A metric's name without what the encoder adds, and its unit.
fn parts(name: &str) -> (&str, Option<Unit>) {
    let name = name.strip_suffix("_total").unwrap_or(name);
    for unit in [Unit::Seconds, Unit::Bytes] {
        let base = name.strip_suffix(unit.as_str()).and_then(|name| name.strip_suffix('_'));
        if let Some(name) = base {
            return (name, Some(unit));
        }
    }
    (name, None)
}

fn write(
    encoder: &mut MetricEncoder<'_>,
    metric: &Metric,
    value: &Value,
) -> Result<(), fmt::Error> {
    match (metric.kind, value) {
        (Kind::Counter, Value::Count(count)) => {
            encoder.encode_counter::<NoLabelSet, _, u64>(count, None)
        }
        (Kind::Counter, Value::Number(number)) => {
            encoder.encode_counter::<NoLabelSet, _, u64>(number, None)
        }
        // A float has room for all numbers that there can be.
        (Kind::Gauge, Value::Count(count)) => encoder.encode_gauge(&(*count as f64)),
        (Kind::Gauge, Value::Number(number)) => encoder.encode_gauge(number),
        (_, Value::Times(times)) => {
            let step = if metric.labels.is_empty() { 1 } else { STEP_WITH_LABELS };
            let (sum, count) = (times.sum().as_secs_f64(), times.count());
            encoder.encode_histogram::<NoLabelSet>(sum, count, &times.limits(step), None)
        }
        (Kind::Histogram, _) => Ok(()),
    }
}
