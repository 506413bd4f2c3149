// SPDX-License-Identifier: Apache-2.0

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.TimeUnit;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.CuratorFrameworkFactory;
import org.apache.curator.framework.recipes.leader.LeaderLatch;
import org.apache.curator.framework.recipes.leader.LeaderSelector;
import org.apache.curator.framework.recipes.leader.LeaderSelectorListenerAdapter;
import org.apache.curator.framework.recipes.locks.InterProcessMutex;
import org.apache.curator.framework.recipes.locks.InterProcessReadWriteLock;
import org.apache.curator.framework.recipes.locks.RevocationListener;
import org.apache.curator.framework.recipes.locks.Revoker;
import org.apache.curator.retry.RetryForever;
import org.apache.zookeeper.ZooDefs;
import org.apache.zookeeper.ZooKeeper;
import org.apache.zookeeper.recipes.leader.LeaderElectionSupport;
import org.apache.zookeeper.recipes.lock.LockListener;
import org.apache.zookeeper.recipes.lock.WriteLock;

/** Contenders of Curator and of ZooKeeper's recipes: KIND SERVER PATH TIMEOUT-MS. See peer.h. */
public class Contender {
    interface Seat {
        void acquire() throws Exception;

        void release() throws Exception;

        /** Whether others may hold beside it. */
        default boolean shares() {
            return false;
        }

        default String leader() throws Exception {
            throw new UnsupportedOperationException();
        }

        default void ask() throws Exception {
            throw new UnsupportedOperationException();
        }

        default void asked() throws Exception {
            throw new UnsupportedOperationException();
        }
    }

    static class Mutex implements Seat {
        final InterProcessMutex mutex;

        Mutex(InterProcessMutex mutex) {
            this.mutex = mutex;
        }

        public void acquire() throws Exception {
            mutex.acquire();
        }

        public void release() throws Exception {
            mutex.release();
        }
    }

    static class Reader extends Mutex {
        Reader(InterProcessReadWriteLock lock) {
            super(lock.readLock());
        }

        public boolean shares() {
            return true;
        }
    }

    /** It holds as a reader what it has taken as a writer. */
    static class Downgraded extends Mutex {
        final InterProcessMutex writer;

        Downgraded(InterProcessReadWriteLock lock) {
            super(lock.readLock());
            writer = lock.writeLock();
        }

        public void acquire() throws Exception {
            writer.acquire();
            super.acquire();
            writer.release();
        }
    }

    static class Revocable extends Mutex implements RevocationListener<InterProcessMutex> {
        final CuratorFramework client;
        volatile CountDownLatch asked;

        Revocable(CuratorFramework client, String path) {
            super(new InterProcessMutex(client, path));
            this.client = client;
        }

        public void acquire() throws Exception {
            asked = new CountDownLatch(1);
            mutex.makeRevocable(this);
            mutex.acquire();
        }

        public void revocationRequested(InterProcessMutex mutex) {
            asked.countDown();
        }

        public void ask() throws Exception {
            Revoker.attemptRevoke(client, mutex.getParticipantNodes().iterator().next());
        }

        public void asked() throws Exception {
            asked.await();
        }
    }

    static class Selector extends LeaderSelectorListenerAdapter implements Seat {
        final LeaderSelector selector;
        final SynchronousQueue<String> elected = new SynchronousQueue<>();
        final SynchronousQueue<String> over = new SynchronousQueue<>();
        boolean started;

        Selector(CuratorFramework client, String path) {
            selector = new LeaderSelector(client, path, this);
            selector.setId("curator");
        }

        public void takeLeadership(CuratorFramework client) throws Exception {
            elected.put("");
            over.take();
        }

        public void acquire() throws Exception {
            if (!started) {
                selector.start();
            } else {
                /* It is not over yet for a moment after the listener has returned. */
                while (!selector.requeue()) {
                    Thread.yield();
                }
            }
            started = true;
            elected.take();
        }

        public void release() throws Exception {
            over.put("");
        }

        public String leader() throws Exception {
            return selector.getLeader().getId();
        }
    }

    /** A latch leads once: each turn has its own. */
    static class Latch implements Seat {
        final CuratorFramework client;
        final String path;
        LeaderLatch latch;

        Latch(CuratorFramework client, String path) {
            this.client = client;
            this.path = path;
        }

        public void acquire() throws Exception {
            latch = new LeaderLatch(client, path, "curator");
            latch.start();
            latch.await();
        }

        public void release() throws Exception {
            latch.close();
        }

        public String leader() throws Exception {
            return new LeaderLatch(client, path).getLeader().getId();
        }
    }

    /**
     * It can miss the end of who is ahead, so it is asked now and then; that leaves it with watches
     * which would make it queue up again by itself: each turn has its own.
     */
    static class Recipe implements Seat, LockListener {
        final ZooKeeper client;
        final String path;
        WriteLock lock;
        volatile CountDownLatch acquired;

        Recipe(ZooKeeper client, String path) {
            this.client = client;
            this.path = path;
        }

        public void lockAcquired() {
            acquired.countDown();
        }

        public void lockReleased() {}

        public void acquire() throws Exception {
            acquired = new CountDownLatch(1);
            lock = new WriteLock(client, path, ZooDefs.Ids.OPEN_ACL_UNSAFE, this);
            do {
                lock.lock();
            } while (!acquired.await(200, TimeUnit.MILLISECONDS));
        }

        public void release() {
            synchronized (lock) {
                lock.unlock();
                lock.close();
            }
        }
    }

    static class Offer implements Seat {
        final LeaderElectionSupport support = new LeaderElectionSupport();
        volatile CountDownLatch elected;

        Offer(ZooKeeper client, String path) {
            support.setZooKeeper(client);
            support.setRootNodeName(path);
            support.setHostName("recipe");
            support.addListener(this::happens);
        }

        void happens(LeaderElectionSupport.EventType event) {
            if (event == LeaderElectionSupport.EventType.ELECTED_COMPLETE) {
                elected.countDown();
            }
        }

        public void acquire() throws Exception {
            elected = new CountDownLatch(1);
            support.start();
            elected.await();
        }

        public void release() {
            support.stop();
        }
    }

    static CuratorFramework curator(String server, int timeout) {
        CuratorFramework client =
                CuratorFrameworkFactory.newClient(server, timeout, timeout, new RetryForever(50));
        client.start();
        return client;
    }

    static InterProcessReadWriteLock readWrite(String server, String path, int timeout) {
        return new InterProcessReadWriteLock(curator(server, timeout), path);
    }

    static Seat sit(String kind, String server, String path, int timeout) throws Exception {
        switch (kind) {
            case "mutex":
                return new Mutex(new InterProcessMutex(curator(server, timeout), path));
            case "read":
                return new Reader(readWrite(server, path, timeout));
            case "write":
                return new Mutex(readWrite(server, path, timeout).writeLock());
            case "downgraded":
                return new Downgraded(readWrite(server, path, timeout));
            case "revocable":
                return new Revocable(curator(server, timeout), path);
            case "selector":
                return new Selector(curator(server, timeout), path);
            case "latch":
                return new Latch(curator(server, timeout), path);
            case "offer":
                return new Offer(new ZooKeeper(server, timeout, event -> {}), path);
            case "recipe":
                return new Recipe(new ZooKeeper(server, timeout, event -> {}), path);
            default:
                throw new IllegalArgumentException(kind);
        }
    }

    static void forbid(Path directory, String name) throws Exception {
        if (Files.exists(directory.resolve(name))) {
            throw new IllegalStateException("overlaps with " + name);
        }
    }

    static void count(Path directory) throws Exception {
        Path counter = directory.resolve("counter");
        int number = Integer.parseInt(Files.readString(counter));
        Path mark = Files.createFile(directory.resolve("alone"));
        forbid(directory, "shared-o");
        forbid(directory, "shared-t");
        Files.write(counter, Integer.toString(number + 1).getBytes(), StandardOpenOption.WRITE);
        Files.delete(mark);
    }

    static void look(Path directory) throws Exception {
        Path counter = directory.resolve("counter");
        Path mark = Files.createFile(directory.resolve("shared-t"));
        String number = Files.readString(counter);
        forbid(directory, "alone");
        if (!Files.readString(counter).equals(number)) {
            throw new IllegalStateException("the counter has changed");
        }
        Files.delete(mark);
    }

    static void turn(Seat seat, Path directory) throws Exception {
        if (seat.shares()) {
            look(directory);
        } else {
            count(directory);
        }
        Files.write(directory.resolve("log"), new byte[] {'t'}, StandardOpenOption.APPEND);
    }

    static String work(Seat seat, Path directory) throws Exception {
        for (int turns = 0; ; turns++) {
            seat.acquire();
            if (Files.exists(directory.resolve("stop"))) {
                seat.release();
                return "worked " + turns;
            }
            turn(seat, directory);
            seat.release();
        }
    }

    static String obey(Seat seat, String[] words) throws Exception {
        switch (words[0]) {
            case "acquire":
                seat.acquire();
                return "acquired";
            case "release":
                seat.release();
                return "released";
            case "leader":
                return "leader " + seat.leader();
            case "ask":
                seat.ask();
                return "done";
            case "asked":
                seat.asked();
                return "asked";
            case "work":
                return work(seat, Path.of(words[1]));
            default:
                throw new IllegalArgumentException(words[0]);
        }
    }

    public static void main(String[] args) throws Exception {
        Seat seat = sit(args[0], args[1], args[2], Integer.parseInt(args[3]));
        BufferedReader in =
                new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        String line;

        System.out.println("ready");
        while ((line = in.readLine()) != null) {
            String answer;
            try {
                answer = obey(seat, line.split(" "));
            } catch (Exception e) {
                answer = "failed " + e;
            }
            System.out.println(answer);
        }
        System.exit(0);
    }
}
