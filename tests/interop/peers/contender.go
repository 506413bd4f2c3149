// SPDX-License-Identifier: Apache-2.0

// A contender that uses go-zookeeper: contender SERVER PATH TIMEOUT-MS. The protocol is in peer.h.
package main

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/samuel/go-zookeeper/zk"
)

type silent struct{}

func (silent) Printf(string, ...interface{}) {}

// A lock that failed once cannot be used again: each turn has its own.
type seat struct {
	conn *zk.Conn
	path string
	lock *zk.Lock
}

func (s *seat) acquire() error {
	s.lock = zk.NewLock(s.conn, s.path, zk.WorldACL(zk.PermAll))
	return s.lock.Lock()
}

func (s *seat) release() error {
	return s.lock.Unlock()
}

func count(directory string) error {
	text, err := os.ReadFile(directory + "/counter")
	if err != nil {
		return err
	}
	number, err := strconv.Atoi(string(text))
	if err != nil {
		return err
	}
	file, err := os.OpenFile(directory+"/counter", os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer file.Close()
	if _, err = fmt.Fprint(file, number+1); err != nil {
		return err
	}
	log, err := os.OpenFile(directory+"/log", os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return err
	}
	defer log.Close()
	_, err = fmt.Fprint(log, "t")
	return err
}

func (s *seat) work(directory string) (string, error) {
	for turns := 0; ; turns++ {
		if err := s.acquire(); err != nil {
			return "", err
		}
		_, err := os.Stat(directory + "/stop")
		if err == nil {
			return fmt.Sprintf("worked %d", turns), s.release()
		}
		if err := count(directory); err != nil {
			return "", err
		}
		if err := s.release(); err != nil {
			return "", err
		}
	}
}

func (s *seat) obey(words []string) (string, error) {
	switch words[0] {
	case "acquire":
		return "acquired", s.acquire()
	case "release":
		return "released", s.release()
	case "work":
		return s.work(words[1])
	}
	return "", fmt.Errorf("what is %q?", words[0])
}

func main() {
	timeout, err := strconv.Atoi(os.Args[3])
	if err != nil {
		panic(err)
	}
	conn, events, err := zk.Connect([]string{os.Args[1]}, time.Duration(timeout)*time.Millisecond)
	if err != nil {
		panic(err)
	}
	conn.SetLogger(silent{})
	for event := range events {
		if event.State == zk.StateHasSession {
			break
		}
	}
	s := &seat{conn: conn, path: os.Args[2]}
	fmt.Println("ready")
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		answer, err := s.obey(strings.Fields(in.Text()))
		if err != nil {
			answer = "failed " + err.Error()
		}
		fmt.Println(answer)
	}
	conn.Close()
}
