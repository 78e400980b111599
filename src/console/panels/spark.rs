//! Numbers as small columns of blocks. Pure.

/// The heights, lowest first; a space is none.
const BLOCKS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// A column a number, the largest full; what is more than none shows at least the lowest block.
pub fn spark(values: &[f32]) -> String {
    let most = values.iter().copied().fold(0.0_f32, f32::max);
    values.iter().map(|value| block(*value, most)).collect()
}

fn block(value: f32, most: f32) -> char {
    if !(value > 0.0 && most > 0.0) {
        return BLOCKS[0];
    }
    let height = (value / most * 8.0).ceil() as usize;
    BLOCKS[height.clamp(1, 8)]
}

/// Counts over a slot, with a bar where `due` of the slot's `length` lies.
pub fn spread(counts: &[u32], due: u64, length: u64) -> String {
    let heights: Vec<f32> = counts.iter().map(|count| *count as f32).collect();
    let place = (due * counts.len() as u64).checked_div(length).unwrap_or(0) as usize;
    let mut line: Vec<char> = spark(&heights).chars().collect();
    line.insert(place.min(line.len()), '│');
    line.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_high_as_their_share() {
        assert_eq!(spark(&[0.0, 1.0, 4.0, 8.0, 0.01]), " ▁▄█▁");
        assert_eq!(spark(&[0.0, 0.0]), "  ");
        assert_eq!(spark(&[]), "");
        assert_eq!(spark(&[f32::NAN, 1.0]), " █");
        assert_eq!(spread(&[0, 0, 4, 8, 0, 0], 4_000, 12_000), "  │▄█  ");
        assert_eq!(spread(&[1], 0, 0), "│█");
    }
}
