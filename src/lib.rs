//! donet, a server daemon for massively multiplayer games.
