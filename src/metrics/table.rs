//! All metrics. The book has a page of them, which a test compares with what a daemon tells.
//!
//! Labels whose values are known stand with them: what has not happened yet is told as 0, since whoever looks how much a counter has
//! grown would not see the first time otherwise.

use super::{Kind, Metric};

macro_rules! metrics {
    ($($name:ident: $kind:ident $text:literal [$($label:literal $(: $($value:literal)|+)?),*] $help:literal;)*) => {
        $(#[doc = $help] pub static $name: Metric = Metric::new(
            $text, Kind::$kind, &[$($label),*], &[$(&[$($($value),+)?]),*], $help,
        );)*
        /// Each of them.
        pub static ALL: &[&Metric] = &[$(&$name),*];
    };
}

metrics! {
    // The process.
    BUILD_INFO: Gauge "donet_build_info" ["version"] "Always 1; the label says which version runs";
    STAGE: Gauge "donet_stage" ["stage"] "1 for the stage that the daemon has reached: starting, ready, draining or stopping";
    START_TIME: Gauge "donet_start_time_seconds" [] "When the process started, as a Unix time";
    OPEN_FILES: Gauge "donet_open_files" [] "Files that the process has open, sockets among them";
    OPEN_FILES_MAX: Gauge "donet_open_files_max" [] "Files that the process may have open";
    MEMORY: Gauge "donet_resident_memory_bytes" [] "Memory of the process that is not swapped out";
    CPU: Counter "donet_cpu_seconds_total" [] "Processor time that the process has used";
    PANICS: Counter "donet_panics_total" [] "Panics: mistakes of the program, each of which is in the log";
    STALLS: Counter "donet_stalls_total" [] "Times at which the whole process has stood still for more than two seconds";
    LOG_DROPPED: Counter "donet_log_lines_dropped_total" ["reason": "full" | "limit"] "Log lines that were not written: the output took nothing (full), or there were too many of the kind (limit)";
    // The router.
    ROUTED: Counter "donet_routed_messages_total" [] "Datagrams given to the router, those of roles included";
    DELIVERED: Counter "donet_delivered_messages_total" [] "Copies of datagrams handed to participants, the upstream not counted";
    DROPPED: Counter "donet_dropped_messages_total" ["reason": "slow_link" | "client" | "backlog" | "inbox"] "Datagrams that were thrown away: with a link that was given up (slow_link), a client that was dropped (client), for want of room for the upstream (backlog) or in a database's inbox (inbox)";
    DROPPED_BYTES: Counter "donet_dropped_bytes_total" ["reason": "slow_link" | "client"] "Bytes of what was thrown away with a link or a client";
    HOLD: Histogram "donet_router_hold_seconds" [] "How long the router was held, while everybody else waits";
    PARTICIPANTS: Gauge "donet_participants" [] "Roles and links that the router knows";
    GAPS: Counter "donet_gaps_total" [] "Times at which messages may have been missed, since the upstream was away";
    BRAKES: Counter "donet_brakes_total" [] "Times at which a socket was read more slowly, since a receiver did not keep up";
    // Connections.
    LINKS: Gauge "donet_links" ["direction"] "Links to other daemons and AIs: made by them (in), or to the upstream (out)";
    CLIENTS: Gauge "donet_clients" ["state": "new" | "anonymous" | "established" | "away", "transport": "tcp" | "tls" | "websocket"] "Clients, by how far they have come and how they are connected";
    QUEUE_BYTES: Gauge "donet_queue_bytes" ["queue"] "Bytes that wait in all queues of a kind: links, clients, upstream, database";
    QUEUE_LONGEST: Gauge "donet_queue_longest_bytes" ["queue"] "Bytes that wait in the longest queue of a kind: of the slowest receiver";
    RECEIVED_BYTES: Counter "donet_received_bytes_total" ["peer"] "Bytes read from links and clients, TLS not counted";
    SENT_BYTES: Counter "donet_sent_bytes_total" ["peer"] "Bytes written to links and clients, TLS not counted";
    HANDSHAKES: Counter "donet_handshakes_total" ["direction": "in" | "out", "result": "ok" | "failed"] "TLS handshakes with whoever connects (in) and with the upstream (out): ok or failed";
    CERTIFICATE: Gauge "donet_certificate_end_time_seconds" ["section", "names"] "Until when a certificate that is shown to others is valid, as a Unix time";
    REFUSED: Counter "donet_refused_connections_total" ["peer": "client" | "link"] "Connections that were let go before they were anybody: there was no place for them, or they were not allowed, or banned";
    // The client agent.
    EJECTS: Counter "donet_ejects_total" ["code"] "Clients that were put out, by the code that they were told";
    LIMITS: Counter "donet_limits_total" ["limit"] "Times at which a client was refused, slowed down or put out for a limit, by the last word of its key";
    OFFENCES: Counter "donet_offences_total" ["offence", "reaction"] "Times at which a client has broken a rule, by what became of it: ignore, warn, eject or ban";
    SCRIPT_CALLS: Counter "donet_script_calls_total" ["hook": "connect" | "hello" | "message" | "state" | "field" | "create" | "move" | "disconnect" | "timer" | "answer"] "Times at which scripts of client agents were called (client.script), by what for";
    SCRIPT_FAULTS: Counter "donet_script_faults_total" ["hook": "connect" | "hello" | "message" | "state" | "field" | "create" | "move" | "disconnect" | "timer" | "answer"] "Calls of scripts that ended with an error: nothing came of them";
    INTERCEPTED: Counter "donet_intercepted_updates_total" [] "Field updates of clients that went to an UberDOG first (client.intercept)";
    RESUMES: Counter "donet_resumes_total" ["result": "resumed" | "refused"] "Clients that came back to their sessions after a loss (resumed), or wanted to and could not (refused)";
    MERGED: Counter "donet_merged_updates_total" [] "Field updates that clients were not told, since they did not read and a newer value of the field followed (client.merge)";
    INTERESTS: Gauge "donet_interests" [] "Interests that clients have open";
    INTEREST: Histogram "donet_interest_seconds" [] "Time from opening or altering an interest until the client was told that it is done";
    // Objects.
    OBJECTS: Gauge "donet_objects" ["class"] "DistributedObjects in memory; of very many classes the smaller ones are told together";
    ACTIVATIONS: Counter "donet_activations_total" ["result": "done" | "failed"] "Objects that a database-state server was to load: done or failed";
    LOADING: Gauge "donet_loading_objects" [] "Objects that database-state servers wait for the database for";
    // Databases.
    DATABASE: Histogram "donet_database_seconds" ["operation", "result"] "Time from a request to a database server until its answer";
    DATABASE_PENDING: Gauge "donet_database_pending" ["database"] "Operations of a database server, by its control channel, that have no outcome yet";
    // Events.
    EVENTS_SENT: Counter "donet_events_sent_total" [] "Event packets sent to the event logger";
    EVENTS_LOST: Counter "donet_events_lost_total" [] "Event packets that could not be sent";
}
