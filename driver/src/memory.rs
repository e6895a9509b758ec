//! Memory of large frames, which is used again. The system's allocator gives the pages of each back to the kernel, which
//! clears them for the next frame; that was a sixth of the CPU time of a feed.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::{Mutex, PoisonError};

/// Smaller ones are the system's alone.
const LEAST: usize = 128 << 10;
const ALIGNMENT_MOST: usize = 16;
/// Of free blocks that are kept.
const KEPT_BLOCKS: usize = 256;
const KEPT_BYTES: usize = 64 << 20;

#[derive(Clone, Copy)]
struct Block {
    data: *mut u8,
    size: usize,
}

struct Shelf {
    blocks: [Block; KEPT_BLOCKS],
    count: usize,
    bytes: usize,
}

// SAFETY: a free block belongs to the shelf that has it.
unsafe impl Send for Shelf {}

pub struct FrameMemory {
    shelf: Mutex<Shelf>,
}

/// The size of the block that holds `size` bytes: an eighth larger at most, so that frames of about one size share.
fn block_size(size: usize) -> usize {
    let step = 1 << (size.ilog2() - 3);
    size.next_multiple_of(step)
}

fn layout_of(size: usize) -> Layout {
    // SAFETY: the alignment is a power of two, and sizes come from valid layouts.
    unsafe { Layout::from_size_align_unchecked(size, ALIGNMENT_MOST) }
}

fn is_large(layout: Layout) -> bool {
    layout.size() >= LEAST && layout.align() <= ALIGNMENT_MOST
}

impl FrameMemory {
    pub const fn new() -> Self {
        let blocks = [Block { data: std::ptr::null_mut(), size: 0 }; KEPT_BLOCKS];
        Self { shelf: Mutex::new(Shelf { blocks, count: 0, bytes: 0 }) }
    }

    /// The block of that size that was put back last.
    fn take(&self, size: usize) -> Option<*mut u8> {
        let mut shelf = self.shelf.lock().unwrap_or_else(PoisonError::into_inner);
        let place = (0..shelf.count).rev().find(|i| shelf.blocks[*i].size == size)?;
        let data = shelf.blocks[place].data;
        shelf.count -= 1;
        shelf.blocks[place] = shelf.blocks[shelf.count];
        shelf.bytes -= size;
        Some(data)
    }

    /// False: there is no room for it.
    fn put(&self, data: *mut u8, size: usize) -> bool {
        let mut shelf = self.shelf.lock().unwrap_or_else(PoisonError::into_inner);
        if shelf.count == KEPT_BLOCKS || shelf.bytes + size > KEPT_BYTES {
            return false;
        }
        let place = shelf.count;
        shelf.blocks[place] = Block { data, size };
        shelf.count += 1;
        shelf.bytes += size;
        true
    }
}

// SAFETY: a large block has the size that follows from its layout, on its way in as on its way out; all else is the
// system's.
unsafe impl GlobalAlloc for FrameMemory {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if !is_large(layout) {
            return unsafe { System.alloc(layout) };
        }
        let size = block_size(layout.size());
        self.take(size).unwrap_or_else(|| unsafe { System.alloc(layout_of(size)) })
    }

    unsafe fn dealloc(&self, data: *mut u8, layout: Layout) {
        if !is_large(layout) {
            return unsafe { System.dealloc(data, layout) };
        }
        let size = block_size(layout.size());
        if !self.put(data, size) {
            unsafe { System.dealloc(data, layout_of(size)) };
        }
    }

    unsafe fn realloc(&self, data: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if !is_large(layout) && size < LEAST {
            return unsafe { System.realloc(data, layout, size) };
        }
        // SAFETY: the caller promises that `size`, rounded up to the alignment, is a valid size.
        let new = unsafe { self.alloc(Layout::from_size_align_unchecked(size, layout.align())) };
        if !new.is_null() {
            unsafe {
                std::ptr::copy_nonoverlapping(data, new, layout.size().min(size));
                self.dealloc(data, layout);
            }
        }
        new
    }
}
