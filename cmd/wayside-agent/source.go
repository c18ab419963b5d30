package main

import (
	"strings"

	"github.com/wayside-tracing/wayside/agent/config"
	"github.com/wayside-tracing/wayside/agent/config/jaegerflags"
)

// source is where a configuration was read from, and what is to be said of it.
type source struct {
	config.Source
	files    []string // that are read again when they change
	warnings []jaegerflags.Warning
}

// source puts together what the command line, the environment and files say.
// What comes later overrides what came before:
//
//	the keys' defaults
//	the Jaeger Agent's defaults, where its flags are used
//	--config
//	the Jaeger Agent's flags: --config-file, environment, command line
//	--endpoint
func (c command) source() (source, error) {
	old, err := jaegerflags.Translate(c.jaeger, jaegerflags.ThisHost())
	s := source{warnings: old.Warnings}
	for _, file := range []string{c.file, old.File} {
		if file != "" {
			s.files = append(s.files, file)
		}
	}
	s.Source = config.Source{Defaults: old.Defaults, File: c.file, Set: old.Set}
	if len(c.endpoints) == 0 {
		s.Defaults = append(s.Defaults, old.Sending...)
	} else { // several are a list, as with commas
		s.Set = append(s.Set, config.Setting{Key: "deliver.endpoint", Value: strings.Join(c.endpoints, ","), From: "--endpoint"})
	}
	return s, err
}

// salvage makes a configuration of what is wrong, as far as that can be had, and
// says what is wrong with it, a line each.
func (c command) salvage(problem error) (cfg *config.Config, wrong []string) {
	s, _ := c.source() // without the Jaeger Agent's flags, if they are what is wrong
	return config.Salvage(s.Source), strings.Split(problem.Error(), "\n")
}

// load reads the configuration. An error is a config.Errors.
func (c command) load() (*config.Config, source, error) {
	s, err := c.source()
	if err != nil {
		return nil, s, err
	}
	cfg, err := config.Load(s.Source)
	return cfg, s, err
}
