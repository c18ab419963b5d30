// Package names is a DNS server that knows one name, whatever it is asked for.
package names

import (
	"fmt"
	"net"
	"net/netip"
	"sync"

	"golang.org/x/net/dns/dnsmessage"
)

// ttl is what cluster DNS gives records, in seconds.
const ttl = 5

// Server answers every question for an address with the same ones.
type Server struct {
	conn net.PacketConn
	done chan struct{}

	mu        sync.Mutex
	addresses []netip.Addr
	asked     int
}

// Serve serves DNS on a UDP address until Close.
func Serve(address string) (*Server, error) {
	conn, err := net.ListenPacket("udp", address)
	if err != nil {
		return nil, fmt.Errorf("names: %w", err)
	}
	s := &Server{conn: conn, done: make(chan struct{})}
	go s.serve()
	return s, nil
}

// Address is where it listens.
func (s *Server) Address() string { return s.conn.LocalAddr().String() }

// Close ends it.
func (s *Server) Close() {
	_ = s.conn.Close()
	<-s.done
}

// Set changes the answer. Addresses are IPv4; with none, the name does not exist.
func (s *Server) Set(addresses ...netip.Addr) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.addresses = addresses
}

// Asked is how many questions it was asked.
func (s *Server) Asked() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked
}

func (s *Server) serve() {
	defer close(s.done)
	b := make([]byte, 1500)
	for {
		n, peer, err := s.conn.ReadFrom(b)
		if err != nil {
			return
		}
		if answer := s.answer(b[:n]); answer != nil {
			_, _ = s.conn.WriteTo(answer, peer) // it asks again
		}
	}
}

// answer is nil for what is not a question.
func (s *Server) answer(question []byte) []byte {
	var m dnsmessage.Message
	if m.Unpack(question) != nil || len(m.Questions) != 1 {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked++
	q := m.Questions[0]
	m.Response, m.Authoritative = true, true
	m.Answers, m.Authorities, m.Additionals = nil, nil, nil
	if len(s.addresses) == 0 {
		m.RCode = dnsmessage.RCodeNameError
	}
	for _, a := range s.addresses {
		if q.Type == dnsmessage.TypeA {
			m.Answers = append(m.Answers, dnsmessage.Resource{
				Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class, TTL: ttl},
				Body:   &dnsmessage.AResource{A: a.As4()},
			})
		}
	}
	answer, err := m.Pack()
	if err != nil {
		return nil
	}
	return answer
}
