//! What is measured when somebody asks.

use std::collections::BTreeMap;

use super::{Labels, Metric, Times};

/// What a figure is.
#[derive(Clone, PartialEq, Debug)]
pub enum Value {
    /// So many.
    Count(u64),
    /// A number of anything.
    Number(f64),
    /// So many, that took so long.
    Times(Box<Times>),
}

impl Value {
    pub(super) fn add(&mut self, count: u64) {
        if let Value::Count(all) = self {
            *all = all.wrapping_add(count);
        }
    }

    pub(super) fn add_times(&mut self, more: &Times) {
        if let Value::Times(times) = self {
            times.add(more);
        }
    }
}

/// Figures, as whoever has them tells them. What several tell of the same is added up.
#[derive(Default, Debug)]
pub struct Figures {
    /// By the names of their metrics.
    told: BTreeMap<&'static str, BTreeMap<Labels, Value>>,
}

impl Figures {
    fn entry(&mut self, metric: &Metric, labels: &[&str], beginning: Value) -> &mut Value {
        assert_eq!(labels.len(), metric.labels.len(), "labels of {}", metric.name);
        let labels = labels.iter().map(|label| (*label).to_owned().into()).collect();
        self.told.entry(metric.name).or_default().entry(labels).or_insert(beginning)
    }

    /// There are so many, or so many more.
    pub fn add(&mut self, metric: &Metric, labels: &[&str], count: u64) {
        self.entry(metric, labels, Value::Count(0)).add(count);
    }

    /// It is so much, if it is not more already.
    pub fn at_least(&mut self, metric: &Metric, labels: &[&str], number: u64) {
        if let Value::Count(most) = self.entry(metric, labels, Value::Count(0)) {
            *most = number.max(*most);
        }
    }

    /// It is this.
    pub fn set(&mut self, metric: &Metric, labels: &[&str], number: f64) {
        *self.entry(metric, labels, Value::Number(0.0)) = Value::Number(number);
    }

    /// So many have taken so long.
    pub fn times(&mut self, metric: &Metric, labels: &[&str], times: &Times) {
        self.entry(metric, labels, Value::Times(Box::default())).add_times(times);
    }

    /// What has been told of a metric, and what has been counted of it. What is known to have to be there is, whatever happened.
    pub fn of(&self, metric: &Metric) -> BTreeMap<Labels, Value> {
        let mut all = self.told.get(metric.name).cloned().unwrap_or_default();
        for (labels, counted) in metric.counted() {
            match (all.entry(labels).or_insert_with(|| counted.zero()), counted) {
                (value, Value::Count(count)) => value.add(count),
                (value, Value::Times(times)) => value.add_times(&times),
                (_, Value::Number(_)) => {}
            }
        }
        for labels in metric.known_labels() {
            all.entry(labels).or_insert_with(|| metric.nothing());
        }
        all
    }
}

impl Value {
    fn zero(&self) -> Value {
        match self {
            Value::Count(_) => Value::Count(0),
            Value::Number(_) => Value::Number(0.0),
            Value::Times(_) => Value::Times(Box::default()),
        }
    }
}

impl Metric {
    fn nothing(&self) -> Value {
        match self.kind {
            super::Kind::Histogram => Value::Times(Box::default()),
            _ => Value::Count(0),
        }
    }
}
