//! The files of a new game, as they stand in `mygame/`.

/// What the game is called there.
pub(super) const NAME_IN_FILES: &str = "mygame";

macro_rules! files {
    ($($path:literal $(from $source:literal)?),+ $(,)?) => {
        /// Their paths in the game's folder, and what is in them.
        pub(super) const FILES: &[(&str, &str)] = &[$(($path, files!(@text $path $($source)?))),+];
    };
    (@text $path:literal) => { include_str!(concat!("mygame/", $path)) };
    (@text $path:literal $source:literal) => { include_str!(concat!("mygame/", $source)) };
}

files![
    "README.md",
    "cluster.yml",
    "game.dc",
    "settings.py",
    "installed.py",
    "server.py",
    "uberdog.py",
    "ai.py",
    "client.py",
    "controls.py",
    "scene.py",
    "puppet.py",
    "objects/__init__.py",
    "objects/LoginManager.py",
    "objects/LoginManagerUD.py",
    "objects/Meadow.py",
    "objects/MeadowAI.py",
    "objects/Avatar.py",
    "objects/AvatarAI.py",
    "objects/AvatarOV.py",
    "test.py",
    "requirements.txt",
    // Under its own name it would hold in this repository, too.
    ".gitignore" from "gitignore",
];
