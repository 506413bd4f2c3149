// SPDX-License-Identifier: Apache-2.0

import java.io.BufferedReader;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.IntUnaryOperator;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.CuratorFrameworkFactory;
import org.apache.curator.framework.recipes.leader.LeaderLatch;
import org.apache.curator.framework.recipes.leader.LeaderLatchListener;
import org.apache.curator.framework.recipes.locks.InterProcessMutex;
import org.apache.curator.retry.ExponentialBackoffRetry;

/** Curator, measured: speaks what PROTOCOL says. */
public final class CuratorDriver {
    private static final int AT_ONCE = 64;
    private static final int STACK = 256 << 10;

    private static final FileOutputStream output = new FileOutputStream(FileDescriptor.out);
    private static volatile boolean closing;

    private final String nodes;
    private final int sessionMs;
    private final CuratorFramework client;
    private final List<CuratorFramework> others = new ArrayList<>();
    private final Map<Integer, Contender> holders = new ConcurrentHashMap<>();
    private final List<ExecutorService> lanes = new ArrayList<>();
    private final List<List<InterProcessMutex>> held = new ArrayList<>(); // by lane

    private CuratorDriver(String nodes, int sessionMs) throws InterruptedException {
        this.nodes = nodes;
        this.sessionMs = sessionMs;
        client = open();
    }

    // ---- clock, output ----

    /** On Linux this is CLOCK_MONOTONIC. */
    private static long now() {
        return System.nanoTime();
    }

    private static synchronized void say(String line) {
        try {
            output.write((line + '\n').getBytes(StandardCharsets.UTF_8));
        } catch (IOException e) {
            Runtime.getRuntime().halt(1); // nobody listens
        }
    }

    private static void fail(String what, Throwable error) {
        if (!closing)
            say("error " + what + ' ' + error.toString().replaceAll("\\s+", " "));
    }

    // ---- a session ----

    /** Without the tracker, which would lead the client past a relay, to the servers themselves. */
    private CuratorFramework open() throws InterruptedException {
        CuratorFramework opened =
                CuratorFrameworkFactory.builder()
                        .connectString(nodes)
                        .sessionTimeoutMs(sessionMs)
                        .retryPolicy(new ExponentialBackoffRetry(100, 5))
                        .ensembleTracker(false)
                        .build();
        opened.start();
        opened.blockUntilConnected();
        return opened;
    }

    /** Many at once, because ZooKeeper's client sleeps a tenth of a second in each. */
    private void close() throws Exception {
        closing = true;
        others.add(client);
        inLanes(
                Math.min(AT_ONCE, others.size()),
                lane -> {
                    for (int i = lane; i < others.size(); i += AT_ONCE)
                        others.get(i).close();
                });
    }

    // ---- one after the other, and many at once ----

    private InterProcessMutex nth(String prefix, int i) {
        return new InterProcessMutex(client, prefix + '/' + i);
    }

    private static void once(InterProcessMutex mutex) throws Exception {
        mutex.acquire();
        mutex.release();
    }

    private String cycle(String path, int n) throws Exception {
        InterProcessMutex mutex = new InterProcessMutex(client, path);
        StringBuilder times = new StringBuilder("ok");
        for (int i = 0; i < n; i++) {
            long began = now();
            once(mutex);
            times.append(' ').append(now() - began);
        }
        return times.toString();
    }

    private static Thread thread(Runnable work) {
        Thread thread = new Thread(null, work, "work", STACK);
        thread.setDaemon(true);
        return thread;
    }

    private interface Work {
        void run(int lane) throws Exception;
    }

    /**
     * Does the work once in each of so many lanes at the same time. A lane is always the same thread:
     * a mutex can be released by the thread that acquired it only.
     */
    private String inLanes(int count, Work work) throws Exception {
        long began = now();
        List<Future<Void>> ends = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            int lane = i;
            if (lane == lanes.size())
                lanes.add(Executors.newSingleThreadExecutor(CuratorDriver::thread));
            Callable<Void> task =
                    () -> {
                        work.run(lane);
                        return null;
                    };
            ends.add(lanes.get(lane).submit(task));
        }
        for (Future<Void> end : ends)
            end.get();
        return "ok " + (now() - began);
    }

    private String threads(String prefix, int k, int n) throws Exception {
        AtomicInteger left = new AtomicInteger(n);
        return inLanes(
                k,
                lane -> {
                    InterProcessMutex mutex = nth(prefix, lane);
                    while (left.decrementAndGet() >= 0)
                        once(mutex);
                });
    }

    private String hold(String prefix, int n) throws Exception {
        AtomicInteger next = new AtomicInteger();
        while (held.size() < AT_ONCE)
            held.add(new ArrayList<>());
        String answer =
                inLanes(
                        AT_ONCE,
                        lane -> {
                            for (int i; (i = next.getAndIncrement()) < n; ) {
                                InterProcessMutex mutex = nth(prefix, i);
                                mutex.acquire();
                                held.get(lane).add(mutex);
                            }
                        });
        System.gc(); // locks are to be measured, not garbage
        return answer;
    }

    private String drop() throws Exception {
        String answer =
                inLanes(
                        held.size(),
                        lane -> {
                            for (InterProcessMutex mutex : held.get(lane))
                                mutex.release();
                        });
        held.clear();
        return answer;
    }

    // ---- waiters ----

    private abstract class Contender {
        final int number;

        Contender(int number) {
            this.number = number;
        }

        void granted() {
            long granted = now();
            holders.put(number, this);
            say("granted " + number + ' ' + granted);
        }

        /** Says the answer itself. */
        abstract void release() throws Exception;

        void failed(Throwable error) {
            fail("contender " + number + ':', error);
        }
    }

    private final class MutexContender extends Contender {
        private final InterProcessMutex mutex;
        private final Semaphore told = new Semaphore(0);

        MutexContender(String path, int number) {
            super(number);
            mutex = new InterProcessMutex(client, path);
            thread(this::run).start();
        }

        private void run() {
            try {
                mutex.acquire();
                granted();
                told.acquire();
                long began = now();
                mutex.release();
                say("ok " + began + ' ' + now());
            } catch (Exception e) {
                failed(e);
            }
        }

        @Override
        void release() {
            told.release();
        }
    }

    private final class LatchContender extends Contender implements LeaderLatchListener {
        private final LeaderLatch latch;

        LatchContender(String path, int number) throws Exception {
            super(number);
            latch = new LeaderLatch(client, path);
            latch.addListener(this);
            latch.start();
        }

        @Override
        public void isLeader() {
            granted();
        }

        @Override
        public void notLeader() {
            failed(new IllegalStateException("leadership lost"));
        }

        @Override
        void release() throws IOException {
            long began = now();
            latch.close();
            say("ok " + began + ' ' + now());
        }
    }

    private void drain(String path, AtomicInteger left) {
        try {
            once(new InterProcessMutex(client, path));
            if (left.decrementAndGet() == 0)
                say("drained " + now());
        } catch (Exception e) {
            fail("drain:", e);
        }
    }

    private String queue(String path, int from, int n, String kind) throws Exception {
        AtomicInteger left = new AtomicInteger(n);
        for (int i = from; i < from + n; i++) {
            switch (kind) {
                case "lock":
                    new MutexContender(path, i);
                    break;
                case "election":
                    new LatchContender(path, i);
                    break;
                case "drain":
                    thread(() -> drain(path, left)).start();
                    break;
                default:
                    throw new UnsupportedOperationException(kind);
            }
        }
        return "ok";
    }

    private String release(int number) throws Exception {
        Contender holder = holders.remove(number);
        if (holder == null)
            return "error contender " + number + " holds nothing";
        holder.release();
        return null;
    }

    // ---- sessions ----

    private String sessions(int n) throws InterruptedException {
        StringBuilder times = new StringBuilder("ok");
        for (int i = 0; i < n; i++) {
            long began = now();
            CuratorFramework other = open();
            long opened = now();
            other.close();
            times.append(' ').append(opened - began).append(' ').append(now() - opened);
        }
        return times.toString();
    }

    private String objects(int n) throws InterruptedException {
        long began = now();
        for (int i = 0; i < n; i++)
            others.add(open());
        return "ok " + (now() - began);
    }

    // ---- commands ----

    /** Null: somebody else will answer. */
    private String carryOut(String[] words) throws Exception {
        IntUnaryOperator number = i -> Integer.parseInt(words[i]);
        switch (words[0]) {
            case "cycle":
                return cycle(words[1], number.applyAsInt(2));
            case "threads":
                return threads(words[1], number.applyAsInt(2), number.applyAsInt(3));
            case "queue":
                return queue(words[1], number.applyAsInt(2), number.applyAsInt(3), words[4]);
            case "release":
                return release(number.applyAsInt(1));
            case "hold":
                return hold(words[1], number.applyAsInt(2));
            case "drop":
                return drop();
            case "sessions":
                return sessions(number.applyAsInt(1));
            case "objects":
                return objects(number.applyAsInt(1));
            default:
                return "error unsupported";
        }
    }

    private void answer(String[] words) {
        try {
            String line = carryOut(words);
            if (line != null)
                say(line);
        } catch (Exception e) {
            fail(words[0], e);
        }
    }

    public static void main(String[] arguments) throws Exception {
        if (arguments.length != 2) {
            System.err.println("usage: curator NODES SESSION_MS");
            System.exit(64);
        }
        CuratorDriver driver = new CuratorDriver(arguments[0], Integer.parseInt(arguments[1]));
        BufferedReader input = new BufferedReader(new InputStreamReader(System.in));
        say("ready");
        for (String line; (line = input.readLine()) != null && !line.equals("quit"); ) {
            if (!line.isBlank())
                driver.answer(line.trim().split(" +"));
        }
        driver.close();
        say("ok");
        System.exit(0); // whoever still waits is not waited for
    }
}
