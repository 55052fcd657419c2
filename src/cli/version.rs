//! What this build is.

use std::sync::LazyLock;

use crate::config;
use crate::ids::{ChannelRepr, DoIdRepr, LengthTag};

/// Version, build options and parts, several lines.
pub(super) fn text() -> &'static str {
    static TEXT: LazyLock<String> = LazyLock::new(|| {
        format!(
            "{version}\n\
            {repository}\n\
            Compilation options: {tag}-bit length tag datagrams, {channel}-bit channels, \
            {do_id}-bit distributed object ids, {do_id}-bit zones\n\
            Roles: messagedirector, {roles}\n\
            Database backends: {backends}\n\
            Features: {features}",
            version = env!("CARGO_PKG_VERSION"),
            repository = env!("CARGO_PKG_DESCRIPTION"),
            tag = LengthTag::BITS,
            channel = ChannelRepr::BITS,
            do_id = DoIdRepr::BITS,
            roles = config::role_types().join(", "),
            backends = listed(config::usable_backend_types()),
            features = listed(config::features()),
        )
    });
    &TEXT
}

fn listed<'a>(words: impl Iterator<Item = &'a str>) -> String {
    let words = words.collect::<Vec<_>>().join(", ");
    if words.is_empty() { "none".to_owned() } else { words }
}
