//! What the machine this program runs on is called: the head of a report. Nothing is judged by it.

use serde::Serialize;
use sysinfo::{MemoryRefreshKind, RefreshKind, System};

/// A machine's name and size.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Machine {
    /// Host name; empty if it has none.
    pub name: String,
    /// Distribution and version.
    pub system: String,
    /// Kernel version.
    pub kernel: String,
    /// Processors this program may use.
    pub processors: usize,
    /// Memory, in bytes.
    pub memory: u64,
}

impl Machine {
    /// The machine this program runs on.
    pub fn here() -> Self {
        let memory = MemoryRefreshKind::nothing().with_ram();
        let system = System::new_with_specifics(RefreshKind::nothing().with_memory(memory));
        Self {
            name: System::host_name().unwrap_or_default(),
            system: System::long_os_version().unwrap_or_default(),
            kernel: System::kernel_version().unwrap_or_default(),
            processors: std::thread::available_parallelism().map_or(1, usize::from),
            memory: system.total_memory(),
        }
    }

    /// In one line.
    pub fn words(&self) -> String {
        let Self { name, system, kernel, processors, memory } = self;
        let gib = *memory as f64 / f64::from(1 << 30);
        format!("{name}: {system}, kernel {kernel}, {processors} processors, {gib:.1} GiB")
    }
}
