//! The table of thresholds. Sources stand with the checks.

use super::limit::{Limit, Scale};

macro_rules! limits {
    ($($id:ident $name:literal $value:literal $unit:literal $scale:ident;)+) => {
        $(
            #[doc = concat!("`", $name, "`: ", stringify!($value), " ", $unit, ".")]
            pub static $id: Limit =
                Limit { name: $name, value: $value, unit: $unit, scale: Scale::$scale };
        )+

        /// Every threshold.
        pub static ALL: &[&Limit] = &[$(&$id),+];
    };
}

/// The threshold of this name.
pub fn named(name: &str) -> Option<&'static Limit> {
    ALL.iter().copied().find(|limit| limit.name == name)
}

limits! {
    CLOCK_DISPARITY "time.disparity" 500.0 "ms" Fixed;
    SOMAXCONN_ADVICE "net.somaxconn.advice" 4096.0 "connections" Fixed;
    SOMAXCONN_WARN "net.somaxconn.warn" 1024.0 "connections" Fixed;
    SYN_BACKLOG_ADVICE "net.syn_backlog.advice" 4096.0 "connections" Fixed;
    SYN_BACKLOG_WARN "net.syn_backlog.warn" 512.0 "connections" Fixed;
    SOCKET_BUFFER_WARN "net.socket_buffer.warn" 7_500_000.0 "bytes" Fixed;
    TCP_BUFFER_ADVICE "net.tcp_buffer.advice" 4_194_304.0 "bytes" Link;
    NOTSENT_LOWAT "net.tcp_notsent_lowat.advice" 131_072.0 "bytes" Fixed;
    RETRANS_WARN "net.tcp_retrans.warn" 1.5 "% of segments" Fixed;
    RETRANS_BAD "net.tcp_retrans.bad" 5.0 "% of segments" Fixed;
    RETRANS_LEAST "net.tcp_retrans.least" 1000.0 "segments" Fixed;
    UDP_ERRORS_WARN "net.udp_rcvbuf_errors.warn" 0.0 "a minute" Fixed;
    UDP_ERRORS_BAD "net.udp_rcvbuf_errors.bad" 10.0 "a minute" Fixed;
    UDP_DROPS_WARN "net.udp_socket_drops.warn" 0.0 "a minute" Fixed;
    UDP_DROPS_BAD "net.udp_socket_drops.bad" 60.0 "a minute" Fixed;
    LISTEN_WARN "net.listen_overflow.warn" 1.0 "a minute" Fixed;
    LISTEN_BAD "net.listen_overflow.bad" 5.0 "a minute" Fixed;
    COLLAPSE_WARN "net.tcp_rcv_collapse.warn" 10.0 "a minute" Fixed;
    SOFTNET_WARN "net.softnet_drops.warn" 0.0 "a minute" Fixed;
    SOFTNET_BAD "net.softnet_drops.bad" 10.0 "a minute" Fixed;
    BACKLOG_PER_GBIT "net.softnet_drops.backlog" 1000.0 "packets" Link;
    SQUEEZE_WARN "net.softnet_squeeze.warn" 10.0 "a minute" Cores;
    NIC_ERRORS_WARN "net.nic_errors.warn" 0.0 "a minute" Fixed;
    NIC_ERRORS_BAD "net.nic_errors.bad" 1.0 "% of packets" Fixed;
    QDISC_DROPS "net.qdisc.warn" 10.0 "a minute" Fixed;
    RING_WARN "net.nic_ring.warn" 0.0 "a minute" Fixed;
    QUEUES_CORES "net.nic_queues.cores" 4.0 "processors" Fixed;
    QUEUES_SPEED "net.nic_queues.speed" 10_000.0 "Mbit/s" Fixed;
    LINK_SPEED_BAD "net.link_speed.bad" 1000.0 "Mbit/s" Fixed;
    FLAPS_WARN "net.link_flaps.warn" 0.0 "a minute" Fixed;
    FLAPS_BAD "net.link_flaps.bad" 0.05 "a minute" Fixed;
    CONNTRACK_WARN "net.conntrack.warn" 75.0 "% of the table" Fixed;
    CONNTRACK_BAD "net.conntrack.bad" 90.0 "% of the table" Fixed;
    SOFTIRQ_SHARE "net.softirq_skew.share" 80.0 "% of NET_RX on one processor" Fixed;
    SOFTIRQ_WARN "net.softirq_skew.warn" 30.0 "% of the processor" Fixed;
    SOFTIRQ_BAD "net.softirq_skew.bad" 70.0 "% of the processor" Fixed;
    TCP_MEMORY_WARN "net.tcp_mem.warn" 75.0 "% of pressure" Fixed;
    STEAL_WARN "cpu.steal.warn" 2.0 "% of time" Fixed;
    STEAL_BAD "cpu.steal.bad" 5.0 "% of time" Fixed;
    CPU_PSI_WARN "cpu.psi.warn" 10.0 "% some avg60" Fixed;
    CPU_PSI_BAD "cpu.psi.bad" 30.0 "% some avg60" Fixed;
    IO_PSI_WARN "disk.psi.warn" 5.0 "% full avg60" Fixed;
    IO_PSI_BAD "disk.psi.bad" 20.0 "% full avg60" Fixed;
    MEM_PSI_WARN "mem.psi.warn" 1.0 "% full avg60" Fixed;
    MEM_PSI_BAD "mem.psi.bad" 5.0 "% full avg60" Fixed;
    CPU_THROTTLE_WARN "cpu.cgroup_throttle.warn" 0.0 "% of time" Fixed;
    CPU_THROTTLE_BAD "cpu.cgroup_throttle.bad" 1.0 "% of time" Fixed;
    RUN_DELAY_WARN "cpu.run_delay.warn" 5.0 "% of time" Fixed;
    RUN_DELAY_BAD "cpu.run_delay.bad" 20.0 "% of time" Fixed;
    RUN_QUEUE_WARN "cpu.run_queue.warn" 1.0 "runnable tasks" Cores;
    RUN_QUEUE_BAD "cpu.run_queue.bad" 3.0 "runnable tasks" Cores;
    AFFINITY_BAD "cpu.affinity.bad" 2.0 "processors" Fixed;
    AFFINITY_WARN "cpu.affinity.warn" 4.0 "processors" Fixed;
    IDLE_EXIT_ADVICE "cpu.cstates.advice" 200.0 "us" Fixed;
    SWAPPINESS_ADVICE "mem.swappiness.advice" 10.0 "" Fixed;
    SWAPIN_WARN "mem.swap_in.warn" 0.0 "pages a minute" Fixed;
    SWAPIN_BAD "mem.swap_in.bad" 600.0 "pages a minute" Fixed;
    STALL_WARN "mem.reclaim_stall.warn" 10.0 "a minute" Fixed;
    AVAILABLE_WARN "mem.available.warn" 10.0 "% of memory" Fixed;
    AVAILABLE_BAD "mem.available.bad" 3.0 "% of memory" Fixed;
    DIRTY_WARN "mem.dirty.warn" 2_147_483_648.0 "bytes" Fixed;
    NUMA_WARN "numa.memory_split.warn" 60.0 "% on one node" Fixed;
    MAPS_ADVICE "mem.max_map_count.advice" 262_144.0 "mappings" Fixed;
    FAULTS_WARN "proc.major_faults.warn" 6000.0 "a minute" Fixed;
    GC_WARN "proc.gc_pause.warn" 100.0 "ms a pause" Fixed;
    GC_BAD "proc.gc_pause.bad" 500.0 "ms a pause" Fixed;
    LAG_WARN "proc.gc_pause.lag_warn" 200.0 "ms of the loop" Fixed;
    LAG_BAD "proc.gc_pause.lag_bad" 1000.0 "ms of the loop" Fixed;
    FLUSH_WARN "disk.flush_latency.warn" 10.0 "ms" Fixed;
    FLUSH_BAD "disk.flush_latency.bad" 50.0 "ms" Fixed;
    FSYNC_WARN "disk.fsync_probe.warn" 10.0 "ms of 99 in 100" Fixed;
    FSYNC_BAD "disk.fsync_probe.bad" 20.0 "ms of 99 in 100" Fixed;
    FSYNC_WORST "disk.fsync_probe.worst" 250.0 "ms of the slowest" Fixed;
    FSYNC_FAST "disk.fsync_probe.fast" 0.05 "ms of the median" Fixed;
    SIGNING_WARN "disk.signing_budget.warn" 100.0 "ms a slot" Fixed;
    SIGNING_BAD "disk.signing_budget.bad" 500.0 "ms a slot" Fixed;
    SIGNING_SYNCS "disk.signing_budget.syncs" 4.0 "syncs a record" Fixed;
    READ_WARN "disk.rw_latency.warn" 5.0 "ms" Fixed;
    READ_BAD "disk.rw_latency.bad" 20.0 "ms" Fixed;
    QUEUE_WARN "disk.saturation.warn" 10.0 "requests in flight" Fixed;
    QUEUE_BAD "disk.saturation.bad" 30.0 "requests in flight" Fixed;
    READ_AHEAD_ADVICE "disk.read_ahead.advice" 512.0 "KiB" Fixed;
    FREE_WARN "disk.free.warn" 15.0 "%" Fixed;
    FREE_BAD "disk.free.bad" 5.0 "%" Fixed;
    NVME_TEMPERATURE_WARN "disk.nvme_temperature.warn" 70.0 "°C" Fixed;
    NVME_TEMPERATURE_BAD "disk.nvme_temperature.bad" 80.0 "°C" Fixed;
    FILES_WARN "proc.nofile.warn" 16384.0 "files" Fixed;
    FILES_BAD "proc.nofile.bad" 80.0 "% used" Fixed;
}
