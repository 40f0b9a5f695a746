// SPDX-License-Identifier: MIT

// The part of Go's crypto/tls in peer.h: the same words, the same report.
package main

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"net"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const limit = 10 * time.Second

var lines = bufio.NewScanner(os.Stdin)

type report struct {
	Handshake bool   `json:"handshake"`
	Resumed   bool   `json:"resumed"`
	Version   string `json:"version"`
	Suite     string `json:"suite"`
	Group     string `json:"group"`
	Peer      string `json:"peer"`
	In        uint64 `json:"in"`
	Digest    string `json:"digest"`
	Out       uint64 `json:"out"`
	End       string `json:"end"`
	Said      string `json:"said"`
	Did       string `json:"did"`
}

type connection struct {
	report *report
	wire   *net.TCPConn
	tls    *tls.Conn
	digest interface {
		io.Writer
		Sum64() uint64
	}
}

var alerts = map[string]int{
	"user canceled": 90, "close notify": 0, "internal error": 80, "handshake failure": 40, "protocol version not supported": 70,
	"certificate required": 116, "bad certificate": 42, "unknown certificate authority": 48, "decode error": 50, "illegal parameter": 47, "unexpected message": 10,
}

var versions = map[uint16]string{tls.VersionTLS12: "1.2", tls.VersionTLS13: "1.3"}

var groups = map[string]tls.CurveID{"x25519": tls.X25519, "secp256r1": tls.CurveP256, "secp384r1": tls.CurveP384}

func say(line interface{}) {
	text, _ := json.Marshal(line)
	fmt.Println(string(text))
}

func (report *report) end(end string, said string) {
	if report.End == "none" {
		report.End, report.Said = end, said
	}
}

// What crypto/tls returns, in the words of peer.h. An alert's number is not public: its text is.
func (c *connection) stopped(call string, err error) bool {
	said := call + ": " + err.Error()
	var timeout net.Error
	switch {
	case err == io.EOF:
		c.report.end("close_notify", call+": io.EOF")
	case err == io.ErrUnexpectedEOF:
		c.report.end("eof", call+": io.ErrUnexpectedEOF")
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		c.report.end("reset", said)
	case strings.Contains(err.Error(), "remote error: tls: "):
		_, text, _ := strings.Cut(err.Error(), "remote error: tls: ")
		if number, known := alerts[text]; known {
			c.report.end("alert:"+strconv.Itoa(number), said)
		} else {
			c.report.end("alert:other", said)
		}
	case errors.As(err, &timeout) && timeout.Timeout():
		c.report.end("timeout", said)
	default:
		c.report.end("error", said)
	}
	return false
}

// A transport that gives up reading: for a handshake that stops after the first flight.
type deaf struct{ net.Conn }

func (deaf) Read([]byte) (int, error) { return 0, errors.New("no more of the handshake") }

func (c *connection) write(count uint64) bool {
	block := make([]byte, 4096)
	for count > 0 {
		length := uint64(len(block))
		if count < length {
			length = count
		}
		for i := uint64(0); i < length; i++ {
			at := c.report.Out + i
			block[i] = byte(at*31 + at>>8)
		}
		if _, err := c.tls.Write(block[:length]); err != nil {
			return c.stopped("Write", err)
		}
		c.report.Out += length
		count -= length
	}
	return true
}

func (c *connection) read(count uint64) bool {
	block := make([]byte, 4096)
	for count > 0 {
		room := uint64(len(block))
		if count < room {
			room = count
		}
		got, err := c.tls.Read(block[:room])
		c.digest.Write(block[:got])
		c.report.In += uint64(got)
		count -= uint64(got)
		if err != nil {
			return c.stopped("Read", err)
		}
	}
	return true
}

func (c *connection) handshake() bool {
	if err := c.tls.Handshake(); err != nil {
		if err == io.EOF {
			err = io.ErrUnexpectedEOF // no close_notify has a say here
		}
		return c.stopped("Handshake", err)
	}
	state := c.tls.ConnectionState()
	c.report.Handshake, c.report.Resumed = true, state.DidResume
	c.report.Suite, c.report.Version, c.report.Peer = tls.CipherSuiteName(state.CipherSuite), versions[state.Version], "none"
	if len(state.PeerCertificates) > 0 {
		c.report.Peer = state.PeerCertificates[0].Subject.CommonName
	}
	return true
}

func (c *connection) act(action string) bool {
	name, number, _ := strings.Cut(action, ":")
	count, _ := strconv.ParseUint(number, 10, 64)
	switch name {
	case "handshake":
		return c.handshake()
	case "hello":
		return c.tls.Handshake() != nil
	case "write":
		return c.write(count)
	case "read":
		return c.read(count)
	case "drain":
		c.read(^uint64(0))
	case "end":
		if err := c.tls.CloseWrite(); err != nil {
			return c.stopped("CloseWrite", err)
		}
	case "cancel", "abort", "update":
		c.report.end("error", "crypto/tls has no call for "+name)
		return false
	case "signal":
		say(map[string]bool{"signal": true})
	case "await":
		return lines.Scan()
	case "fin":
		return c.wire.CloseWrite() == nil
	case "linger":
		c.wire.CloseWrite()
		io.Copy(io.Discard, c.wire)
	case "close":
		if err := c.tls.Close(); err != nil {
			c.stopped("Close", err)
		}
	case "reset":
		c.wire.SetLinger(0)
		c.wire.Close()
	case "drop":
		c.wire.Close()
	}
	return true
}

func play(c *connection, script string) {
	fine := true
	for _, action := range strings.Split(script, ",") {
		if !fine && action != "linger" && action != "close" && action != "drop" && action != "reset" {
			continue
		}
		c.report.Did = action
		fine = c.act(action) && fine
	}
	c.wire.Close()
	c.report.Digest = fmt.Sprintf("%016x", c.digest.Sum64())
}

func transport(plan map[string]string, listener net.Listener) (net.Conn, error) {
	if listener != nil {
		listener.(*net.TCPListener).SetDeadline(time.Now().Add(limit))
		return listener.Accept()
	}
	return net.Dial("tcp4", "127.0.0.1:"+plan["port"])
}

func connect(plan map[string]string, config *tls.Config, listener net.Listener, script string) *report {
	result := &report{End: "none"}
	wire, err := transport(plan, listener)
	if err != nil {
		result.end("error", err.Error())
		return result
	}
	wire.SetDeadline(time.Now().Add(limit))
	under := wire
	if strings.HasPrefix(script, "hello") {
		under = deaf{wire}
	}
	c := &connection{report: result, wire: wire.(*net.TCPConn), digest: fnv.New64a()}
	if plan["role"] == "client" {
		c.tls = tls.Client(under, config)
	} else {
		c.tls = tls.Server(under, config)
	}
	play(c, script)
	return result
}

// The suites of TLS 1.3 are Go's own.
func limits(plan map[string]string, config *tls.Config) {
	config.MinVersion, config.MaxVersion = tls.VersionTLS12, tls.VersionTLS13
	if plan["version"] == "1.2" {
		config.MaxVersion = tls.VersionTLS12
	} else if plan["version"] == "1.3" {
		config.MinVersion = tls.VersionTLS13
	}
	for _, suite := range tls.CipherSuites() {
		for _, name := range strings.Split(plan["suite"], ":") {
			if suite.Name == name {
				config.CipherSuites = append(config.CipherSuites, suite.ID)
			}
		}
	}
	for _, group := range strings.Split(plan["groups"], ":") {
		if id, known := groups[group]; known {
			config.CurvePreferences = append(config.CurvePreferences, id)
		}
	}
}

func configure(plan map[string]string) (*tls.Config, error) {
	config := &tls.Config{ServerName: plan["name"], SessionTicketsDisabled: plan["tickets"] == "0"}
	limits(plan, config)
	if plan["ca"] != "" {
		authority, err := os.ReadFile(plan["ca"])
		if err != nil {
			return nil, err
		}
		config.RootCAs = x509.NewCertPool()
		config.RootCAs.AppendCertsFromPEM(authority)
		config.ClientCAs = config.RootCAs
	}
	if plan["ask"] == "request" {
		config.ClientAuth = tls.VerifyClientCertIfGiven
	} else if plan["ask"] == "require" {
		config.ClientAuth = tls.RequireAndVerifyClientCert
	}
	if plan["role"] == "client" {
		config.ClientSessionCache = tls.NewLRUClientSessionCache(0)
	}
	if plan["cert"] == "" {
		return config, nil
	}
	pair, err := tls.LoadX509KeyPair(plan["cert"], plan["key"])
	config.Certificates = []tls.Certificate{pair}
	return config, err
}

func run(words []string) {
	plan := map[string]string{"script": "handshake,close"}
	for _, word := range words {
		key, value, _ := strings.Cut(word, "=")
		plan[key] = value
	}
	if plan["role"] == "version" {
		say(map[string]string{"library": runtime.Version()})
		return
	}
	config, err := configure(plan)
	if err != nil {
		say(&report{End: "unable", Said: err.Error()})
		return
	}
	var listener net.Listener
	if plan["role"] == "server" {
		listener, _ = net.Listen("tcp4", "127.0.0.1:0")
		say(map[string]int{"port": listener.Addr().(*net.TCPAddr).Port})
		defer listener.Close()
	}
	if plan["prime"] == "1" && plan["role"] == "client" {
		connect(plan, config, listener, "handshake,write:1,read:1,end,drain,close")
	} else if plan["prime"] == "1" {
		connect(plan, config, listener, "handshake,read:1,write:1,drain,close")
	}
	say(connect(plan, config, listener, plan["script"]))
}

func main() {
	if len(os.Args) > 1 {
		run(os.Args[1:])
		return
	}
	for lines.Scan() {
		run(strings.Fields(lines.Text()))
	}
}
