// Package activation is what a service manager such as systemd and this process
// have to say to each other: sockets that were opened before the process began,
// which it takes over (sd_listen_fds(3)), and how the process is (sd_notify(3)).
//
//	systemd ── LISTEN_FDS, file descriptors 3… ──► Inherit ──► Listener, PacketConn
//	   ▲
//	   └────── READY=1, RELOADING=1, STOPPING=1, WATCHDOG=1 ── Notifier
//
// A socket that the manager keeps outlives the process: what comes in while
// there is none waits in it for the next one.
package activation
