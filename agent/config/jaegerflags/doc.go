// Package jaegerflags understands the command line, the environment and the
// configuration file of the Jaeger Agent, and tells them in this agent's keys.
//
// One table (table.go) has every flag of jaeger-agent 1.62.0, the last one that
// was released: what it becomes, or what is said to who gives it. The test holds
// the table against that program's own help (testdata/help.txt), and
// test/interop that text against the program.
//
// A value comes from the command line, or else from the variable that has the
// flag's name in upper case with _ for . and -, or else from the file that
// --config-file names (jaeger 1.62, pkg/config/config.go: viper's order). An
// empty variable is none.
//
// One that is the Jaeger Agent's own (OwnPrefixes) says that the Jaeger Agent
// was meant, and its defaults hold: see Translation. General names, such as
// LOG_LEVEL, may stand in an environment for the app's sake; they count only
// beside one that is its own, or on the command line.
package jaegerflags
