//! The command line and the configuration, as someone sees them who runs the program.

mod activation;
mod agree;
mod backups;
mod bans;
mod check;
mod console;
mod damage;
mod dc;
mod dc_diff;
#[cfg(feature = "demo")]
mod demo;
mod drain;
mod examples;
mod init;
mod logs;
mod migrate;
mod migrate_again;
mod migrate_files;
mod moving;
mod notes;
mod options;
mod program;
mod reload;
mod run;
mod shipped;
mod stores;
mod systemd;
mod texts;
mod tls;
mod top;
