//! The process around an embedded routing engine: sockets, timers, kernel routes, control socket.
