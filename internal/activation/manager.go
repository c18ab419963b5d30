package activation

import (
	"os"
)

// Manager is the service manager that has started the process. The zero Manager
// has handed nothing over and wants to know nothing.
type Manager struct {
	Sockets
	Notifier
}

// Inherit takes over what was handed to this process, and removes all that this
// package reads from the environment, which is not for children. It is called
// once. With an error there are no sockets, and the process can go on without.
func Inherit() (*Manager, error) {
	names, err := handedOver(os.Getenv, os.Getpid())
	m := &Manager{Notifier: newNotifier(os.Getenv, os.Getpid())}
	for _, v := range variables {
		os.Unsetenv(v)
	}
	for i, name := range names {
		fd := firstFD + i
		m.list = append(m.list, identify(fd, name))
	}
	return m, err
}
