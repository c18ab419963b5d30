// Package h2spec holds the agent's port against h2spec, a suite that tests
// whether a server does what RFC 7540 and RFC 7541 say, section by section.
package h2spec
