// SPDX-License-Identifier: Apache-2.0

// go-zookeeper, measured: speaks what PROTOCOL says.
package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"github.com/samuel/go-zookeeper/zk"
)

const atOnce = 64

var errUnsupported = errors.New("unsupported")

// ---- clock, output ----

// The time package does not tell the system's monotonic clock.
func now() int64 {
	const clockMonotonic = 1
	var t syscall.Timespec
	syscall.RawSyscall(syscall.SYS_CLOCK_GETTIME, clockMonotonic, uintptr(unsafe.Pointer(&t)), 0)
	return t.Nano()
}

var (
	output  sync.Mutex
	closing int32
)

func say(words ...interface{}) {
	line := fmt.Sprintln(words...)
	output.Lock()
	defer output.Unlock()
	os.Stdout.WriteString(line)
}

func fail(words ...interface{}) {
	if atomic.LoadInt32(&closing) == 0 {
		say(append([]interface{}{"error"}, words...)...)
	}
}

// ---- a session ----

type silence struct{}

func (silence) Printf(string, ...interface{}) {}

type driver struct {
	nodes   []string
	timeout time.Duration
	conn    *zk.Conn
	others  []*zk.Conn
	held    chan *zk.Lock

	mutex   sync.Mutex
	holders map[int]*zk.Lock // contenders that have been granted
}

func (d *driver) open() (*zk.Conn, error) {
	conn, events, err := zk.Connect(d.nodes, d.timeout, zk.WithLogger(silence{}), zk.WithLogInfo(false))
	if err != nil {
		return nil, err
	}
	for event := range events {
		if event.State == zk.StateHasSession {
			return conn, nil
		}
	}
	return nil, zk.ErrClosing
}

func (d *driver) close() {
	atomic.StoreInt32(&closing, 1)
	for _, conn := range append(d.others, d.conn) {
		conn.Close()
	}
}

func (d *driver) lock(path string) *zk.Lock {
	return zk.NewLock(d.conn, path, zk.WorldACL(zk.PermAll))
}

func (d *driver) nth(prefix string, i int) *zk.Lock {
	return d.lock(prefix + "/" + strconv.Itoa(i))
}

func once(lock *zk.Lock) error {
	if err := lock.Lock(); err != nil {
		return err
	}
	return lock.Unlock()
}

// ---- one after the other, and many at once ----

func (d *driver) cycle(path string, n int) ([]int64, error) {
	lock := d.lock(path)
	times := make([]int64, n)
	for i := range times {
		began := now()
		if err := once(lock); err != nil {
			return nil, err
		}
		times[i] = now() - began
	}
	return times, nil
}

// inGoroutines runs work(0), work(1), ... at the same time, and tells how long that took.
func inGoroutines(count int, work func(i int) error) ([]int64, error) {
	began := now()
	results := make(chan error)
	for i := 0; i < count; i++ {
		go func(i int) { results <- work(i) }(i)
	}
	var first error
	for i := 0; i < count; i++ {
		if err := <-results; err != nil && first == nil {
			first = err
		}
	}
	return []int64{now() - began}, first
}

func (d *driver) threads(prefix string, k, n int) ([]int64, error) {
	left := int64(n)
	return inGoroutines(k, func(i int) error {
		lock := d.nth(prefix, i)
		for atomic.AddInt64(&left, -1) >= 0 {
			if err := once(lock); err != nil {
				return err
			}
		}
		return nil
	})
}

func (d *driver) hold(prefix string, n int) ([]int64, error) {
	d.held = make(chan *zk.Lock, n)
	next := int64(-1)
	defer debug.FreeOSMemory() // locks are to be measured, not garbage
	return inGoroutines(atOnce, func(int) error {
		for i := int(atomic.AddInt64(&next, 1)); i < n; i = int(atomic.AddInt64(&next, 1)) {
			lock := d.nth(prefix, i)
			if err := lock.Lock(); err != nil {
				return err
			}
			d.held <- lock
		}
		return nil
	})
}

func (d *driver) drop() ([]int64, error) {
	if d.held == nil {
		return nil, errors.New("nothing is held")
	}
	held := d.held
	d.held = nil
	close(held)
	return inGoroutines(atOnce, func(int) error {
		for lock := range held {
			if err := lock.Unlock(); err != nil {
				return err
			}
		}
		return nil
	})
}

// ---- waiters ----

func (d *driver) contend(path string, number int) {
	lock := d.lock(path)
	err := lock.Lock()
	granted := now()
	if err != nil {
		fail("contender", number, err)
		return
	}
	d.mutex.Lock()
	d.holders[number] = lock
	d.mutex.Unlock()
	say("granted", number, granted)
}

func (d *driver) drain(path string, left *int64) {
	if err := once(d.lock(path)); err != nil {
		fail("drain", err)
	} else if atomic.AddInt64(left, -1) == 0 {
		say("drained", now())
	}
}

func (d *driver) queue(path string, from, n int, kind string) ([]int64, error) {
	left := int64(n)
	for i := from; i < from+n; i++ {
		switch kind {
		case "lock":
			go d.contend(path, i)
		case "drain":
			go d.drain(path, &left)
		default:
			return nil, errUnsupported
		}
	}
	return nil, nil
}

func (d *driver) release(number int) ([]int64, error) {
	d.mutex.Lock()
	lock := d.holders[number]
	delete(d.holders, number)
	d.mutex.Unlock()
	if lock == nil {
		return nil, fmt.Errorf("contender %d holds nothing", number)
	}
	began := now()
	err := lock.Unlock()
	return []int64{began, now()}, err
}

// ---- sessions ----

func (d *driver) sessions(n int) ([]int64, error) {
	times := make([]int64, 0, 2*n)
	for i := 0; i < n; i++ {
		began := now()
		conn, err := d.open()
		if err != nil {
			return nil, err
		}
		opened := now()
		conn.Close()
		times = append(times, opened-began, now()-opened)
	}
	return times, nil
}

func (d *driver) objects(n int) ([]int64, error) {
	began := now()
	for i := 0; i < n; i++ {
		conn, err := d.open()
		if err != nil {
			return nil, err
		}
		d.others = append(d.others, conn)
	}
	return []int64{now() - began}, nil
}

// ---- commands ----

func (d *driver) carryOut(words []string) (numbers []int64, err error) {
	defer func() { // a word that is missing, or not the number it should be
		if problem := recover(); problem != nil {
			err = fmt.Errorf("%v", problem)
		}
	}()
	number := func(i int) int {
		n, err := strconv.Atoi(words[i])
		if err != nil {
			panic(err)
		}
		return n
	}
	switch words[0] {
	case "cycle":
		return d.cycle(words[1], number(2))
	case "threads":
		return d.threads(words[1], number(2), number(3))
	case "queue":
		return d.queue(words[1], number(2), number(3), words[4])
	case "release":
		return d.release(number(1))
	case "hold":
		return d.hold(words[1], number(2))
	case "drop":
		return d.drop()
	case "sessions":
		return d.sessions(number(1))
	case "objects":
		return d.objects(number(1))
	}
	return nil, errUnsupported
}

func (d *driver) answer(words []string) {
	numbers, err := d.carryOut(words)
	if err != nil {
		fail(err)
		return
	}
	line := []interface{}{"ok"}
	for _, n := range numbers {
		line = append(line, n)
	}
	say(line...)
}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintf(os.Stderr, "usage: %s NODES SESSION_MS\n", os.Args[0])
		os.Exit(64)
	}
	ms, err := strconv.Atoi(os.Args[2])
	d := &driver{
		nodes:   strings.Split(os.Args[1], ","),
		timeout: time.Duration(ms) * time.Millisecond,
		holders: make(map[int]*zk.Lock),
	}
	if err == nil {
		d.conn, err = d.open()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	say("ready")
	for lines := bufio.NewScanner(os.Stdin); lines.Scan() && lines.Text() != "quit"; {
		if words := strings.Fields(lines.Text()); len(words) > 0 {
			d.answer(words)
		}
	}
	d.close()
	say("ok")
}
