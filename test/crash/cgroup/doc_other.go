//go:build !linux

// Package cgroup needs control groups, which only Linux has.
package cgroup
