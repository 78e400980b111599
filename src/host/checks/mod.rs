//! The registry: a file a check, two lines each.

mod cpu_affinity;
mod cpu_cgroup_throttle;
mod cpu_clocksource;
mod cpu_cstates;
mod cpu_governor;
mod cpu_isolation_drift;
mod cpu_psi;
mod cpu_run_delay;
mod cpu_run_queue;
mod cpu_steal;
mod cpu_thermal_throttle;
mod disk_flush_latency;
mod disk_free;
mod disk_fsync_probe;
mod disk_inodes;
mod disk_mount_options;
mod disk_nvme_apst;
mod disk_nvme_link;
mod disk_nvme_temperature;
mod disk_psi;
mod disk_raid;
mod disk_read_ahead;
mod disk_rotational;
mod disk_rw_latency;
mod disk_saturation;
mod disk_scheduler;
mod disk_signing_budget;
mod disk_write_latency;
mod mem_available;
mod mem_dirty;
mod mem_ecc;
mod mem_max_map_count;
mod mem_oom_kill;
mod mem_psi;
mod mem_reclaim_stall;
mod mem_swap_in;
mod mem_swappiness;
mod mem_thp;
mod net_conntrack;
mod net_irq_affinity;
mod net_irqbalance;
mod net_link_flaps;
mod net_link_speed;
mod net_listen_overflow;
mod net_mtu_blackhole;
mod net_nic_errors;
mod net_nic_queues;
mod net_nic_ring;
mod net_qdisc;
mod net_rmem_max;
mod net_softirq_skew;
mod net_softnet_drops;
mod net_softnet_squeeze;
mod net_somaxconn;
mod net_syn_backlog;
mod net_tcp_buffer;
mod net_tcp_congestion_control;
mod net_tcp_notsent_lowat;
mod net_tcp_rcv_collapse;
mod net_tcp_retrans;
mod net_tcp_slow_start_after_idle;
mod net_udp_rcvbuf_errors;
mod net_udp_socket_drops;
mod net_wmem_max;
mod numa_balancing;
mod numa_memory_split;
mod numa_zone_reclaim;
mod proc_gc_pause;
mod proc_major_faults;
mod proc_nofile;
mod proc_oom_score;
mod proc_sched;
mod time_agreement;
mod time_daemon;
mod time_freq;
mod time_jitter;
mod time_kernel_unsync;
mod time_offset;
mod time_ptp;
mod time_sources;
mod time_stale;
mod time_step;
mod time_uncertainty;

use super::check::Check;

/// Every check.
pub const CHECKS: &[&Check] = &[
    &cpu_affinity::CHECK,
    &cpu_cgroup_throttle::CHECK,
    &cpu_clocksource::CHECK,
    &cpu_cstates::CHECK,
    &cpu_governor::CHECK,
    &cpu_isolation_drift::CHECK,
    &cpu_psi::CHECK,
    &cpu_run_delay::CHECK,
    &cpu_run_queue::CHECK,
    &cpu_steal::CHECK,
    &cpu_thermal_throttle::CHECK,
    &disk_flush_latency::CHECK,
    &disk_free::CHECK,
    &disk_fsync_probe::CHECK,
    &disk_inodes::CHECK,
    &disk_mount_options::CHECK,
    &disk_nvme_apst::CHECK,
    &disk_nvme_link::CHECK,
    &disk_nvme_temperature::CHECK,
    &disk_psi::CHECK,
    &disk_raid::CHECK,
    &disk_read_ahead::CHECK,
    &disk_rotational::CHECK,
    &disk_rw_latency::CHECK,
    &disk_saturation::CHECK,
    &disk_scheduler::CHECK,
    &disk_signing_budget::CHECK,
    &disk_write_latency::CHECK,
    &mem_available::CHECK,
    &mem_dirty::CHECK,
    &mem_ecc::CHECK,
    &mem_max_map_count::CHECK,
    &mem_oom_kill::CHECK,
    &mem_psi::CHECK,
    &mem_reclaim_stall::CHECK,
    &mem_swap_in::CHECK,
    &mem_swappiness::CHECK,
    &mem_thp::CHECK,
    &net_conntrack::CHECK,
    &net_irq_affinity::CHECK,
    &net_irqbalance::CHECK,
    &net_link_flaps::CHECK,
    &net_link_speed::CHECK,
    &net_listen_overflow::CHECK,
    &net_mtu_blackhole::CHECK,
    &net_nic_errors::CHECK,
    &net_nic_queues::CHECK,
    &net_nic_ring::CHECK,
    &net_qdisc::CHECK,
    &net_rmem_max::CHECK,
    &net_softirq_skew::CHECK,
    &net_softnet_drops::CHECK,
    &net_softnet_squeeze::CHECK,
    &net_somaxconn::CHECK,
    &net_syn_backlog::CHECK,
    &net_tcp_buffer::CHECK,
    &net_tcp_congestion_control::CHECK,
    &net_tcp_notsent_lowat::CHECK,
    &net_tcp_rcv_collapse::CHECK,
    &net_tcp_retrans::CHECK,
    &net_tcp_slow_start_after_idle::CHECK,
    &net_udp_rcvbuf_errors::CHECK,
    &net_udp_socket_drops::CHECK,
    &net_wmem_max::CHECK,
    &numa_balancing::CHECK,
    &numa_memory_split::CHECK,
    &numa_zone_reclaim::CHECK,
    &proc_gc_pause::CHECK,
    &proc_major_faults::CHECK,
    &proc_nofile::CHECK,
    &proc_oom_score::CHECK,
    &proc_sched::CHECK,
    &time_agreement::CHECK,
    &time_daemon::CHECK,
    &time_freq::CHECK,
    &time_jitter::CHECK,
    &time_kernel_unsync::CHECK,
    &time_offset::CHECK,
    &time_ptp::CHECK,
    &time_sources::CHECK,
    &time_stale::CHECK,
    &time_step::CHECK,
    &time_uncertainty::CHECK,
];

/// The check of this id.
pub fn check_of(id: &str) -> Option<&'static Check> {
    CHECKS.iter().copied().find(|check| check.id == id)
}
