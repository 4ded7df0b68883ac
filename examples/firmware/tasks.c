/* SPDX-License-Identifier: MIT */
/* Inference in a task of its own, beside another one, with a static arena and a static stack. Tasks give up the
 * processor by themselves (task_yield); the network does it between its layers, in an observer. With FreeRTOS or
 * Zephyr: the two functions become tasks of theirs, task_yield() becomes taskYIELD() or k_yield(), or goes away where
 * they preempt. */
#include "board.h"
#include "net.h"
#include "report.h"
#include "task.h"

#define STACK_WORDS (TASK_STACK_BYTES / sizeof(uint32_t))
#define UNUSED_WORD 0x5aa55aa5u

static uint32_t stack[2][STACK_WORDS] __attribute__((aligned(8)));
static volatile uint32_t ticks, layers;
static volatile int done;

/* Stands for what must not wait for a whole inference: a motor, a radio, a watchdog. */
static void control(void)
{
    for (;;) {
        ticks++;
        task_yield();
    }
}

static void between_layers(void *user, uint32_t node, const tvis_tensor *outputs, uint32_t count)
{
    (void)user;
    (void)node;
    (void)count;
    if (!outputs)
        return;
    layers++;
    task_yield();
}

static void inference(void)
{
    net_session n;
    tvis_model_info info;
    tvis_tensor out;
    net_open(&n, 0, 0, between_layers);
    tvis_model_get_info(&n.model, &info);
    net_run(&n);
    tvis_session_output(n.s, 0, &out);
    report_hex("outputs ", report_crc(0, out.data, info.classes * sizeof(float)), "\n");
    done = 1;
    for (;;)
        task_yield();
}

static uint32_t stack_used(const uint32_t *words)
{
    uint32_t unused = 0;
    while (unused < STACK_WORDS && words[unused] == UNUSED_WORD)
        unused++;
    return (uint32_t)((STACK_WORDS - unused) * sizeof(uint32_t));
}

int main(void)
{
    for (uint32_t t = 0; t < 2; t++)
        for (uint32_t i = 0; i < STACK_WORDS; i++)
            stack[t][i] = UNUSED_WORD;
    task_create(0, inference, stack[0] + STACK_WORDS);
    task_create(1, control, stack[1] + STACK_WORDS);
    while (!done)
        task_yield();
    report_number("layers ", layers, ", ");
    report_number("control ran ", ticks, " times\n");
    report_number("stack of the inference: ", stack_used(stack[0]), " bytes\n");
    board_exit(ticks >= layers && layers > 0 ? 0 : 1);
    return 0;
}
