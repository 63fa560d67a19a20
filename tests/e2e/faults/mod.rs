//! Commands that are interrupted at random moments, and disks that are too small. Whatever happens: no backup is listed as
//! good that is not, nothing is lost, what was stopped runs again or is named, nothing is left behind, and the next command
//! works.

mod disk;
mod pairs;
mod signals;
mod stack;
